// What the tests of the codec and of artifacts share.
import { expect } from "vitest";
import type { ErrorCode } from "../../src/core/errors.ts";

export const CHUNK_BYTES = 64 * 1024;

/** The same bytes each time; none of them compresses well. */
export function noise(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes);
  let state = seed;
  for (let at = 0; at < sizeBytes; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8((copy[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
  return copy;
}

/** COPY text of so many rows: an integer, some words, a null, a newline that is escaped. */
export function copyText(rows: number): Buffer {
  return Buffer.from(
    Array.from({ length: rows }, (_, row) => `${row}\tuser ${row % 97} signed in\t\\N\tone\\ntwo\n`).join(""),
  );
}

export async function collect(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}

/** Matches a HoldfastError of one of the codes. */
export function errorOf(...codes: ErrorCode[]): unknown {
  return expect.objectContaining({ name: "HoldfastError", code: expect.toBeOneOf(codes) });
}
