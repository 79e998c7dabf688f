// Where an artifact is written to and read from: a prefix of a store, or one tar.
import { once } from "node:events";
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { encodeTarHeader, END_BYTES, paddingBytes, scanTar, type TarPlace } from "../codec/tar.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { ReadableStore, Store } from "../store/store.ts";
import { findRenewal, isRenewed, RENEWAL_PREFIX } from "./renewal.ts";

/** Takes the objects of one artifact. */
export interface ArtifactSink {
  /** Whether somebody may have yet to read a body when its `put` has resolved: then the bytes must not change after. */
  readonly keepsBodies: boolean;
  /**
   * Writes an object whole; resolves when it is as durable as the sink makes it. Several may be put at once; where order
   * is seen (in a tar) it is the order of the calls.
   * @param sizeBytes the body's length; a body of another length is an error
   * @throws HoldfastError STORE_FAILED; the signal's reason
   */
  put(
    name: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    sizeBytes: number,
    signal?: AbortSignal,
  ): Promise<void>;
  /** Called after the last object. */
  finish(): Promise<void>;
  /** Stops what is being put, and takes back what can be taken back, the last first; the index, which makes it an artifact, at once. */
  abort(): Promise<void>;
}

/** Gives the objects of one artifact, in any order, several at once. Whoever made it closes it. */
export interface ArtifactSource {
  /** Throws NOT_FOUND at the first read if there is no such object; the signal's reason. */
  read(name: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Every object that is there. */
  list(): AsyncIterable<{ readonly name: string; readonly sizeBytes: number }>;
  close(): Promise<void>;
}

/** A store that does not answer is asked again after so long; then the backup fails. */
const RETRY_DELAYS_MS = [250, 1000];

/**
 * Objects under `<prefix>/` of a store. A put that fails in a way that may pass is sent again from memory.
 * @param store stays open
 */
export function storeSink(store: Store, prefix: string): ArtifactSink {
  const stop = new AbortController();
  const putting = new Set<Promise<void>>();
  const names: string[] = [];
  // The same for every object of an artifact: thousands of them are a burden to the garbage collector.
  let latest: { readonly signal: AbortSignal; readonly either: AbortSignal } | undefined;
  const eitherOf = (signal: AbortSignal | undefined): AbortSignal => {
    if (signal === undefined) return stop.signal;
    if (latest?.signal !== signal) latest = { signal, either: AbortSignal.any([signal, stop.signal]) };
    return latest.either;
  };
  const putOnce = async (name: string, body: Uint8Array | AsyncIterable<Uint8Array>, options: PutOnce) => {
    for (let attempt = 0; ; attempt++) {
      try {
        await store.put(`${prefix}/${name}`, body, options);
        return;
      } catch (error) {
        const delayMs = RETRY_DELAYS_MS[attempt];
        const mayPass = isHoldfastError(error) && error.retryable && body instanceof Uint8Array;
        if (delayMs === undefined || !mayPass || options.signal.aborted) throw error;
        await waitUnlessAborted(delayMs, options.signal);
      }
    }
  };
  return {
    keepsBodies: false,
    put: async (name, body, sizeBytes, signal) => {
      const either = eitherOf(signal);
      either.throwIfAborted();
      names.push(name);
      const put = putOnce(name, body, { sizeBytes, signal: either });
      putting.add(put);
      try {
        await put;
      } finally {
        putting.delete(put);
      }
    },
    finish: async () => {},
    abort: async () => {
      stop.abort(new HoldfastError("CANCELLED", "The artifact was given up."));
      await Promise.allSettled(putting);
      for (const name of names.splice(0).toReversed()) await store.delete(`${prefix}/${name}`);
    },
  };
}

interface PutOnce {
  readonly sizeBytes: number;
  readonly signal: AbortSignal;
}

async function waitUnlessAborted(delayMs: number, signal: AbortSignal): Promise<void> {
  // Node rejects with an error of its own; what callers are promised is the signal's reason.
  await delay(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
}

/**
 * The objects under `<prefix>/` of a store.
 * @param store stays open
 */
export function storeSource(store: ReadableStore, prefix: string): ArtifactSource {
  const start = `${prefix}/`;
  let looking: Promise<ReadonlyMap<string, number>> | undefined;
  const renewal = () => (looking ??= findRenewal(store, prefix));
  return {
    read: async function* (name, signal) {
      const renewed = isRenewed(name) && (await renewal()).has(name);
      const key = start + (renewed ? RENEWAL_PREFIX : "") + name;
      yield* store.get(key, signal === undefined ? {} : { signal });
    },
    list: async function* () {
      const renewed = await renewal();
      for await (const { key, sizeBytes } of store.list(start)) {
        const name = key.slice(start.length);
        if (!name.startsWith(RENEWAL_PREFIX)) yield { name, sizeBytes: renewed.get(name) ?? sizeBytes };
      }
    },
    close: async () => {},
  };
}

/**
 * The single-file form, made as a stream: each object goes out as it is put, one after another, no faster than the
 * stream takes them. `finish` writes the end of the tar and leaves the stream open, for whoever opened it ends it; a
 * failure or `abort` destroys the stream, so that its reader sees that it is cut short.
 * @param modifiedAt of every member; the artifact's own time keeps equal artifacts equal
 */
export function tarSink(stream: Writable, modifiedAt: Date): ArtifactSink {
  let turn: Promise<void> = Promise.resolve();
  stream.on("error", () => {}); // the put under way reports it; later ones find the stream destroyed
  const write = async (bytes: Uint8Array) => {
    await new Promise<void>((resolve, reject) => {
      // A transform that is destroyed while it holds bytes never calls back.
      const closed = () => reject(notWritten(stream.errored ?? new Error("the stream was closed")));
      stream.once("close", closed);
      // The callback comes when the stream has passed the bytes on: that is the back pressure.
      stream.write(bytes, (error) => {
        stream.off("close", closed);
        if (error) reject(notWritten(error));
        else resolve();
      });
    });
  };
  const inTurn = async (act: () => Promise<void>) => {
    const mine = turn.then(act);
    turn = mine.catch(() => {});
    await mine;
  };
  const putNow = async (
    name: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    sizeBytes: number,
    signal: AbortSignal | undefined,
  ) => {
    const giveUp = () => stream.destroy(new Error("The artifact was given up."));
    signal?.addEventListener("abort", giveUp, { once: true });
    try {
      signal?.throwIfAborted();
      await write(encodeTarHeader(name, sizeBytes, modifiedAt));
      let writtenBytes = 0;
      for await (const bytes of body instanceof Uint8Array ? [body] : body) {
        writtenBytes += bytes.length;
        if (writtenBytes > sizeBytes) break;
        if (bytes.length > 0) await write(bytes);
      }
      if (writtenBytes !== sizeBytes)
        throw new HoldfastError("BAD_INPUT", `${name} is not of the ${sizeBytes} bytes that were announced.`);
      if (paddingBytes(sizeBytes) > 0) await write(Buffer.alloc(paddingBytes(sizeBytes)));
      signal?.throwIfAborted();
    } catch (error) {
      stream.destroy(new Error("The artifact is cut short.", { cause: error }));
      signal?.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  };
  return {
    // What reads the stream may be holding what it was given.
    keepsBodies: true,
    put: (name, body, sizeBytes, signal) => inTurn(() => putNow(name, body, sizeBytes, signal)),
    finish: () => inTurn(() => write(Buffer.alloc(END_BYTES))),
    abort: async () => {
      stream.destroy(new Error("The artifact was given up."));
      if (!stream.closed) await once(stream, "close").catch(() => {});
      await turn;
    },
  };
}

function notWritten(cause: Error): HoldfastError {
  return new HoldfastError("STORE_FAILED", `The artifact could not be written: ${cause.message}`, { cause });
}

const READ_BYTES = 512 * 1024;

/**
 * A tar file, read by offsets. Opens the file and reads its headers; `close` closes it.
 * @throws HoldfastError NOT_FOUND without such a file, NOT_AN_ARTIFACT, ARTIFACT_INCOMPLETE or ARTIFACT_CORRUPT for what
 *   is not a sound tar
 */
export async function tarSource(path: string): Promise<ArtifactSource> {
  const file = await open(path).catch((error: unknown) => {
    throw error instanceof Error && "code" in error && error.code === "ENOENT"
      ? new HoldfastError("NOT_FOUND", `There is no file ${path}.`, { hint: "Check the path.", cause: error })
      : error;
  });
  let places: Map<string, TarPlace>;
  try {
    places = new Map((await scanTar(file)).map((place) => [place.name, place]));
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    read: async function* (name, signal) {
      const place = places.get(name);
      if (place === undefined) throw new HoldfastError("NOT_FOUND", `The artifact has no ${name}.`);
      const end = place.offsetBytes + place.sizeBytes;
      for (let at = place.offsetBytes; at < end;) {
        signal?.throwIfAborted();
        const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
        if (bytesRead === 0) return;
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    },
    list: async function* () {
      yield* places.values();
    },
    close: () => file.close(),
  };
}
