// The tar form: members one after another, read as a stream or by their offsets in a file. Reading trusts nothing:
// links, devices, names that leave the directory, doubled names, absurd sizes and anything cut short are refused.
// Own code because an artifact in a file is read by offsets, out of order and by several readers at once.
import type { FileHandle } from "node:fs/promises";
import { HoldfastError } from "../core/errors.ts";
import {
  BLOCK_BYTES,
  isMemberName,
  paddingBytes,
  parsePax,
  parseTarHeader,
  type PaxOverrides,
} from "./tar-header.ts";

export { encodeTarHeader, END_BYTES, paddingBytes } from "./tar-header.ts";

export interface TarMember {
  readonly name: string;
  readonly sizeBytes: number;
}

/** A member and where its bytes are in the file. */
export interface TarPlace extends TarMember {
  readonly offsetBytes: number;
}

/** A million parts are 32 TiB of rows; more headers than that are there to fill memory. */
const MEMBERS_MAX = 1_000_010;
const PAX_BYTES_MAX = 64 * 1024;
/** What other tars fill up to: their largest blocking factor gives records of 32 MiB. */
const TRAILING_BYTES_MAX = 32 * 1024 * 1024;

/** Bytes in order, as both ways of reading need them. */
interface ByteSource {
  /** Exactly so many bytes, or fewer at the end. */
  read(sizeBytes: number): Promise<Buffer>;
  /** Passes over bytes without looking at them; false if there are not so many. */
  skip(sizeBytes: number): Promise<boolean>;
  readonly positionBytes: number;
}

/**
 * Reads a tar as it comes. Each member's `body` is read (or left) before the next member is asked for.
 * @throws HoldfastError NOT_AN_ARTIFACT if it does not begin as a tar, ARTIFACT_INCOMPLETE if it is cut short anywhere
 *   before its end mark, ARTIFACT_CORRUPT for all else that a tar of ours does not hold
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<TarMember & { readonly body: AsyncIterable<Uint8Array> }> {
  const source = streamSource(chunks);
  try {
    for await (const member of members(source)) {
      let leftBytes = member.sizeBytes;
      const body = async function* () {
        while (leftBytes > 0) {
          const bytes = await source.readSome(leftBytes);
          if (bytes.length === 0) throw cutShort(member.name);
          leftBytes -= bytes.length;
          yield bytes;
        }
      };
      yield { ...member, body: body() };
      if (!(await source.skip(leftBytes))) throw cutShort(member.name);
      leftBytes = 0;
    }
  } finally {
    await source.close();
  }
}

/**
 * Where every member of a tar file is, read from its headers alone. Throws as `readTar` does.
 * @param file is left open, and its position is not used
 */
export async function scanTar(file: FileHandle): Promise<TarPlace[]> {
  const { size } = await file.stat();
  const source = fileSource(file, size);
  const places: TarPlace[] = [];
  for await (const member of members(source)) {
    places.push({ ...member, offsetBytes: source.positionBytes });
    if (!(await source.skip(member.sizeBytes))) throw cutShort(member.name);
  }
  return places;
}

/** Yields each file member with the source at its first byte; expects the consumer to have passed over its bytes. */
async function* members(source: ByteSource): AsyncGenerator<TarMember> {
  const names = new Set<string>();
  let pax: PaxOverrides = {};
  for (let count = 0; count < MEMBERS_MAX; count++) {
    const first = source.positionBytes === 0;
    const block = await source.read(BLOCK_BYTES);
    if (block.length < BLOCK_BYTES) throw first ? notEnough(block) : cutShort("The tar");
    if (isZero(block)) {
      if (first) throw new HoldfastError("NOT_AN_ARTIFACT", "It is an empty tar.");
      return await checkEnd(source);
    }
    const header = parseTarHeader(block);
    if (header === undefined) {
      throw first
        ? new HoldfastError("NOT_AN_ARTIFACT", "It does not begin as a tar does.")
        : corrupt("A header in the tar is damaged.");
    }
    if (header.type === "x" || header.type === "g") {
      const overrides = await readPax(source, header.sizeBytes);
      // What "g" says of every member (a comment, say) is not needed; sizes and names are never said there.
      if (header.type === "x") pax = overrides;
      continue;
    }
    // `tar -cf x.tar -C directory .` is a tar of an artifact too: with directories, and with ./ before every name.
    const name = (pax.path ?? header.name).replace(/^\.\//, "");
    const sizeBytes = pax.sizeBytes ?? header.sizeBytes;
    pax = {};
    if (header.type === "5" && sizeBytes === 0) continue;
    if (header.type !== "0" && header.type !== "\0")
      throw corrupt("The tar holds something that is not a file.");
    if (!isMemberName(name)) throw corrupt("The tar holds a name that leads elsewhere.");
    if (!Number.isSafeInteger(sizeBytes)) throw corrupt(`${name} has an absurd size.`);
    if (names.has(name)) throw corrupt(`${name} is in the tar twice.`);
    names.add(name);
    yield { name, sizeBytes };
    const padding = await source.read(paddingBytes(sizeBytes));
    if (padding.length < paddingBytes(sizeBytes)) throw cutShort(name);
    if (!isZero(padding)) throw corrupt(`The padding after ${name} is damaged.`);
  }
  throw corrupt("The tar has more members than an artifact can have.");
}

async function readPax(source: ByteSource, sizeBytes: number): Promise<PaxOverrides> {
  if (sizeBytes > PAX_BYTES_MAX) throw corrupt("A pax header in the tar is too long.");
  const records = await source.read(sizeBytes + paddingBytes(sizeBytes));
  if (records.length < sizeBytes + paddingBytes(sizeBytes)) throw cutShort("The tar");
  const overrides = parsePax(records.subarray(0, sizeBytes));
  if (overrides === undefined) throw corrupt("A pax header in the tar is damaged.");
  return overrides;
}

/** After the first zero block: the second, and then at most the zeros that other tars fill their last record with. */
async function checkEnd(source: ByteSource): Promise<void> {
  const second = await source.read(BLOCK_BYTES);
  if (second.length < BLOCK_BYTES) throw cutShort("The tar");
  if (!isZero(second)) throw corrupt("The end mark of the tar is damaged.");
  for (let trailingBytes = 0; ;) {
    const bytes = await source.read(64 * 1024);
    if (bytes.length === 0) return;
    trailingBytes += bytes.length;
    if (!isZero(bytes) || trailingBytes > TRAILING_BYTES_MAX)
      throw corrupt("The tar goes on after its end mark.");
  }
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}

/** Less than one block in all: the beginning of an artifact that was cut short at once, or something else. */
function notEnough(start: Buffer): HoldfastError {
  const ours = "holdfast.json";
  const text = start.toString("latin1", 0, ours.length);
  return text === ours.slice(0, text.length)
    ? cutShort("The tar")
    : new HoldfastError("NOT_AN_ARTIFACT", "It is too short to be a tar.");
}

function cutShort(what: string): HoldfastError {
  return new HoldfastError("ARTIFACT_INCOMPLETE", `${what} is cut short.`);
}

function corrupt(message: string): HoldfastError {
  return new HoldfastError("ARTIFACT_CORRUPT", message);
}

function fileSource(file: FileHandle, fileBytes: number): ByteSource {
  let at = 0;
  return {
    read: async (sizeBytes) => {
      const buffer = Buffer.alloc(Math.min(sizeBytes, fileBytes - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      at += bytesRead;
      return buffer.subarray(0, bytesRead);
    },
    skip: async (sizeBytes) => {
      if (sizeBytes > fileBytes - at) return false;
      at += sizeBytes;
      return true;
    },
    get positionBytes() {
      return at;
    },
  };
}

function streamSource(
  chunks: AsyncIterable<Uint8Array>,
): ByteSource & { readSome(limitBytes: number): Promise<Buffer>; close(): Promise<void> } {
  const iterator = chunks[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);
  let at = 0;
  /** What has come, up to a limit; empty at the end. */
  const readSome = async (limitBytes: number) => {
    if (limitBytes === 0) return Buffer.alloc(0);
    while (held.length === 0) {
      const next = await iterator.next();
      if (next.done === true) break;
      held = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.length);
    }
    const bytes = held.subarray(0, limitBytes);
    held = held.subarray(bytes.length);
    at += bytes.length;
    return bytes;
  };
  return {
    readSome,
    read: async (sizeBytes) => {
      const pieces: Buffer[] = [];
      for (let left = sizeBytes; left > 0;) {
        const bytes = await readSome(left);
        if (bytes.length === 0) break;
        pieces.push(bytes);
        left -= bytes.length;
      }
      return Buffer.concat(pieces);
    },
    skip: async (sizeBytes) => {
      for (let left = sizeBytes; left > 0;) {
        const bytes = await readSome(left);
        if (bytes.length === 0) return false;
        left -= bytes.length;
      }
      return true;
    },
    get positionBytes() {
      return at;
    },
    close: async () => {
      await iterator.return?.();
    },
  };
}
