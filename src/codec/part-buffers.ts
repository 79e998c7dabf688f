// Memory that the parts of a backup are collected in as they are to be stored, one part after another. What comes out of
// compression and encryption would otherwise be joined for each part anew, and be looked for by the garbage collector.

/** What 32 MiB of rows rarely need more of; a part that does has twice as much, and so on. */
const FIRST_BYTES = 8 * 1024 * 1024;
/** Of the sessions of a process, each: one part is stored while the next is filled. */
const SPARE_BUFFERS = 8;
/** What a row of a hundred megabytes needs is not kept for the next one. */
const LARGEST_SPARE_BYTES = 2 * FIRST_BYTES;
/** A part that has less is small: it gets no more memory than it needs. */
const SMALL_BYTES = 256 * 1024;

/** Used by any number of parts at once. */
export class PartBuffers {
  readonly #spare: Buffer[] = [];

  take(): Buffer {
    return this.#spare.pop() ?? Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  give(buffer: Buffer): void {
    if (this.#spare.length < SPARE_BUFFERS && buffer.length <= LARGEST_SPARE_BYTES) this.#spare.push(buffer);
  }
}

/** The bytes of one part, as they come. */
export class PartBytes {
  readonly #buffers: PartBuffers;
  #sizeBytes = 0;
  /** While it is small. */
  #pieces: Uint8Array[] = [];
  #buffer: Buffer | undefined;

  constructor(buffers: PartBuffers) {
    this.#buffers = buffers;
  }

  /** @param piece is kept while the part is small, and copied when it is not */
  add(piece: Uint8Array): void {
    const fromBytes = this.#sizeBytes;
    this.#sizeBytes += piece.length;
    if (this.#buffer === undefined && this.#sizeBytes <= SMALL_BYTES) {
      this.#pieces.push(piece);
      return;
    }
    this.#roomFor(this.#sizeBytes, fromBytes).set(piece, fromBytes);
  }

  #roomFor(sizeBytes: number, usedBytes: number): Buffer {
    const present = this.#buffer ?? this.#startBuffer();
    if (sizeBytes <= present.length) return present;
    const larger = Buffer.allocUnsafeSlow(Math.max(2 * present.length, sizeBytes));
    present.copy(larger, 0, 0, usedBytes);
    this.#buffers.give(present);
    this.#buffer = larger;
    return larger;
  }

  #startBuffer(): Buffer {
    const buffer = this.#buffers.take();
    let at = 0;
    for (const piece of this.#pieces) {
      buffer.set(piece, at);
      at += piece.length;
    }
    this.#pieces = [];
    this.#buffer = buffer;
    return buffer;
  }

  /** All of them; valid until {@link release}. */
  whole(): Buffer {
    return this.#buffer?.subarray(0, this.#sizeBytes) ?? Buffer.concat(this.#pieces, this.#sizeBytes);
  }

  /** Once; the bytes are of no more use to anybody. */
  release(): void {
    if (this.#buffer !== undefined) this.#buffers.give(this.#buffer);
    this.#buffer = undefined;
  }
}
