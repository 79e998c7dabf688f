// Puts an object into a bucket: in one request where it is short, in parts where it is not, whatever its length turns out
// to be. It appears when it is whole; parts of one that never was are taken away.
import { createHash } from "node:crypto";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
  type CompletedPart,
  type ListMultipartUploadsCommandInput,
  type MultipartUpload,
} from "@aws-sdk/client-s3";
import { HoldfastError } from "../core/errors.ts";
import { S3Missing, type S3Connection } from "./s3-client.ts";

/** S3 takes no fewer than 5 MiB in a part that is not the last, and no more than 10,000 parts. */
const PART_BYTES = 16 * 1024 * 1024;
const PARTS_MAX = 10_000;
/** Parts under way at the same time; with the one that fills up, this bounds the memory. */
const PARALLEL_PARTS = 3;

export interface S3Place {
  readonly Bucket: string;
  readonly Key: string;
}

export interface S3Upload {
  /** For the error's message. */
  readonly act: string;
  readonly place: S3Place;
  /** None of them empty; what this throws is thrown. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Where it is known. */
  readonly sizeBytes: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** @throws HoldfastError STORE_FAILED; the signal's reason; what the chunks throw. Then nothing is left. */
export async function uploadS3(connection: S3Connection, upload: S3Upload): Promise<void> {
  const partBytes = Math.max(PART_BYTES, Math.ceil((upload.sizeBytes ?? 0) / PARTS_MAX));
  const parts = cutParts(upload.chunks, partBytes);
  try {
    const first = await parts.next();
    const second = await parts.next();
    if (second.done === true) await putWhole(connection, upload, first.value ?? Buffer.alloc(0));
    else await putParts(connection, upload, continued([first.value ?? Buffer.alloc(0), second.value], parts));
  } finally {
    await parts.return(undefined);
  }
}

async function putWhole(connection: S3Connection, upload: S3Upload, body: Uint8Array): Promise<void> {
  const { act, place, signal } = upload;
  await connection.run(
    act,
    (client) => client.send(new PutObjectCommand({ ...place, ...bodyOf(connection, body) }), options(signal)),
    signal,
  );
}

async function putParts(
  connection: S3Connection,
  { act, place, signal }: S3Upload,
  parts: AsyncIterable<Uint8Array>,
): Promise<void> {
  const { UploadId } = await connection.run(
    act,
    (client) => client.send(new CreateMultipartUploadCommand(place), options(signal)),
    signal,
  );
  const upload = { ...place, UploadId };
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const sending = new Set<Promise<void>>();
  const sent: CompletedPart[] = [];
  const send = async (PartNumber: number, body: Uint8Array) => {
    const command = new UploadPartCommand({ ...upload, PartNumber, ...bodyOf(connection, body) });
    const { ETag } = await connection.run(act, (client) => client.send(command, options(either)), either);
    sent.push({ PartNumber, ETag });
  };
  try {
    let number = 0;
    for await (const part of parts) {
      number += 1;
      if (number > PARTS_MAX)
        throw new HoldfastError("BAD_INPUT", `${place.Key} is too long to be put without naming its length.`);
      const sendingPart = send(number, part);
      // A failure is met by the race, or at the end; until then it must not count as unhandled.
      const settled = sendingPart.finally(() => sending.delete(settled));
      settled.catch(() => undefined);
      sending.add(settled);
      if (sending.size >= PARALLEL_PARTS) await Promise.race(sending);
    }
    await Promise.all(sending);
    const Parts = sent.toSorted((a, b) => (a.PartNumber ?? 0) - (b.PartNumber ?? 0));
    signal?.throwIfAborted();
    // Not to be stopped: it would not be known whether the object is there.
    await connection.run(act, (client) =>
      client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } })),
    );
  } catch (error) {
    stop.abort(error);
    // A part that is still on its way would be stored after the others are gone.
    await Promise.allSettled(sending);
    await connection
      .run(act, (client) => client.send(new AbortMultipartUploadCommand(upload)))
      .catch(() => undefined);
    throw error;
  }
}

/** What a server answers that does not list uploads, or not to everybody. */
const NOT_LISTED = new Set<unknown>([400, 403, 405, 501]);

/**
 * Ends uploads that nobody has finished, of keys that begin so. Where the server shows none, its own rules for old ones are
 * what is left.
 * @throws HoldfastError STORE_FAILED; the signal's reason
 */
export async function abortUploads(
  connection: S3Connection,
  { Bucket, Key }: S3Place,
  signal: AbortSignal | undefined,
): Promise<void> {
  const act = "tidy up";
  for await (const { Key: key, UploadId } of listUploads(connection, act, { Bucket, Prefix: Key }, signal)) {
    const command = new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId });
    await connection
      .run(act, (client) => client.send(command, options(signal)), signal)
      .catch((error: unknown) => {
        if (!(error instanceof S3Missing) && !isGone(error)) throw error;
      });
  }
}

/** Each of them once, whatever is ended meanwhile: a page begins after the last upload of the one before. */
async function* listUploads(
  connection: S3Connection,
  act: string,
  place: { readonly Bucket: string; readonly Prefix: string },
  signal: AbortSignal | undefined,
): AsyncGenerator<MultipartUpload> {
  let after: Pick<ListMultipartUploadsCommandInput, "KeyMarker" | "UploadIdMarker"> = {};
  for (;;) {
    const command = new ListMultipartUploadsCommand({ ...place, ...after });
    const page = await connection
      .run(act, (client) => client.send(command, options(signal)), signal)
      .catch((error: unknown) => {
        const status = error instanceof HoldfastError ? error.details?.["status"] : undefined;
        if (error instanceof S3Missing || NOT_LISTED.has(status)) return undefined;
        throw error;
      });
    yield* page?.Uploads ?? [];
    if (page?.IsTruncated !== true || page.NextKeyMarker === undefined) return;
    after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
  }
}

/** Somebody else has ended the upload meanwhile. */
function isGone(error: unknown): boolean {
  return error instanceof HoldfastError && error.details?.["reason"] === "NoSuchUpload";
}

function bodyOf({ sendsMd5 }: S3Connection, body: Uint8Array) {
  return {
    Body: body,
    ContentLength: body.length,
    ...(sendsMd5 && { ContentMD5: createHash("md5").update(body).digest("base64") }),
  };
}

function options(signal: AbortSignal | undefined) {
  return signal === undefined ? {} : { abortSignal: signal };
}

/** Parts of exactly so many bytes, but for the last; none for an empty body. */
async function* cutParts(
  chunks: AsyncIterable<Uint8Array>,
  partBytes: number,
): AsyncGenerator<Uint8Array, undefined> {
  let held: Uint8Array[] = [];
  let heldBytes = 0;
  const take = () => {
    const [only] = held;
    const part = held.length === 1 && only !== undefined ? only : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return part;
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const piece = chunk.subarray(at, at + partBytes - heldBytes);
      at += piece.length;
      heldBytes += piece.length;
      held.push(piece);
      if (heldBytes === partBytes) yield take();
    }
  }
  if (heldBytes > 0) yield take();
  return undefined;
}

async function* continued(
  begun: readonly Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* begun;
  yield* rest;
}
