// What every store does with a body: takes it in either form, holds it to the length that was announced, and stops
// when it is told to.
import { HoldfastError } from "../core/errors.ts";
import type { GetOptions, PutOptions } from "./store.ts";

/**
 * The chunks of a body, none of them empty.
 * @throws HoldfastError BAD_INPUT if it is not as long as `options.sizeBytes` says; the signal's reason; what the body throws
 */
export async function* bodyChunks(
  key: string,
  body: Uint8Array | AsyncIterable<Uint8Array>,
  options: PutOptions,
): AsyncGenerator<Uint8Array> {
  const { sizeBytes: announcedBytes, signal } = options;
  const wrongLength = () =>
    new HoldfastError(
      "BAD_INPUT",
      `The body of ${key} is not of the ${announcedBytes} bytes that were announced.`,
    );
  let sizeBytes = 0;
  signal?.throwIfAborted();
  for await (const chunk of body instanceof Uint8Array ? [body] : body) {
    signal?.throwIfAborted();
    sizeBytes += chunk.length;
    if (announcedBytes !== undefined && sizeBytes > announcedBytes) throw wrongLength();
    if (chunk.length > 0) yield chunk;
  }
  signal?.throwIfAborted();
  if (announcedBytes !== undefined && sizeBytes !== announcedBytes) throw wrongLength();
}

/** @throws HoldfastError BAD_INPUT for what is no range of bytes, whatever the object's size */
export function checkRange({ start = 0, end = Number.MAX_SAFE_INTEGER }: GetOptions): void {
  if (![start, end].every((edge) => Number.isSafeInteger(edge) && edge >= 0) || end < start)
    throw new HoldfastError("BAD_INPUT", `${start} to ${end} is not a range of bytes.`);
}

/**
 * The range that is meant, within an object of this size; empty where it lies beyond the end.
 * @throws HoldfastError BAD_INPUT
 */
export function rangeWithin(sizeBytes: number, options: GetOptions): { start: number; end: number } {
  checkRange(options);
  const { start = 0, end = sizeBytes } = options;
  return { start: Math.min(start, sizeBytes), end: Math.min(end, sizeBytes) };
}

/** @throws always: HoldfastError NOT_FOUND */
export function noSuchObject(key: string): HoldfastError {
  return new HoldfastError("NOT_FOUND", `The store has no object ${key}.`);
}
