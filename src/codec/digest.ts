// SHA-256 of what is stored, and reading a stored object whole without trusting it.
import { createHash, hash } from "node:crypto";
import { HoldfastError } from "../core/errors.ts";
import { noteSpent } from "./spent-buffers.ts";

/** An object as the index (or the manifest) names it. */
export interface ObjectSeal {
  readonly name: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits in lower case. */
  readonly sha256: string;
}

export function sha256(bytes: Uint8Array): string {
  return hash("sha256", bytes, "hex");
}

/**
 * Collects an object that should be small. Nothing is allocated for a size that is only claimed.
 * @throws HoldfastError ARTIFACT_CORRUPT if it goes on past `limitBytes`.
 */
export async function readWithin(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  limitBytes: number,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    sizeBytes += chunk.length;
    if (sizeBytes > limitBytes)
      throw new HoldfastError(
        "ARTIFACT_CORRUPT",
        `${name} is longer than the ${limitBytes} bytes it may have.`,
      );
    pieces.push(chunk);
  }
  return joined(pieces, sizeBytes);
}

/**
 * Collects an object and gives it back only if it is, byte for byte, what was written.
 * @throws HoldfastError ARTIFACT_INCOMPLETE if it ends early, ARTIFACT_CORRUPT if it goes on or hashes to something else.
 */
export async function readVerified(chunks: AsyncIterable<Uint8Array>, expected: ObjectSeal): Promise<Buffer> {
  const digest = createHash("sha256");
  const collected = new Collected(expected.sizeBytes);
  for await (const chunk of chunks) {
    if (collected.sizeBytes + chunk.length > expected.sizeBytes) {
      throw new HoldfastError(
        "ARTIFACT_CORRUPT",
        `${expected.name} is longer than the ${expected.sizeBytes} bytes that were written.`,
      );
    }
    digest.update(chunk);
    collected.add(chunk);
    noteSpent(chunk.length);
  }
  const { sizeBytes } = collected;
  if (sizeBytes < expected.sizeBytes) {
    throw new HoldfastError(
      "ARTIFACT_INCOMPLETE",
      `${expected.name} ends after ${sizeBytes} of ${expected.sizeBytes} bytes.`,
    );
  }
  if (digest.digest("hex") !== expected.sha256)
    throw new HoldfastError("ARTIFACT_CORRUPT", `${expected.name} does not hash to what was written.`);
  return collected.bytes();
}

function joined(pieces: readonly Uint8Array[], sizeBytes: number): Buffer {
  const [only] = pieces;
  if (only !== undefined && pieces.length === 1)
    return Buffer.from(only.buffer, only.byteOffset, only.length);
  return Buffer.concat(pieces, sizeBytes);
}

/** What is expected to have up to this size is collected in one place; a larger size has yet to prove true. */
const AT_ONCE_MAX_BYTES = 64 * 1024 * 1024;

class Collected {
  sizeBytes = 0;
  readonly #whole: Buffer | undefined;
  readonly #pieces: Uint8Array[] = [];

  constructor(expectedBytes: number) {
    if (expectedBytes <= AT_ONCE_MAX_BYTES) this.#whole = Buffer.allocUnsafeSlow(expectedBytes);
  }

  add(chunk: Uint8Array): void {
    if (this.#whole === undefined) this.#pieces.push(chunk);
    else this.#whole.set(chunk, this.sizeBytes);
    this.sizeBytes += chunk.length;
  }

  bytes(): Buffer {
    return this.#whole ?? joined(this.#pieces, this.sizeBytes);
  }
}
