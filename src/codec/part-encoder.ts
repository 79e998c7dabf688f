// One part being made: batches of rows are compressed on Node's thread pool while the next one arrives, and what comes
// out is encrypted and hashed at once.
import { createHash } from "node:crypto";
import { createAgeEncryptor, type AgeEncryptor } from "./age.ts";
import { createCompressor } from "./compress.ts";
import { PartBuffers, PartBytes } from "./part-buffers.ts";
import { noteSpent } from "./spent-buffers.ts";

/** Consecutive COPY text, best a MiB or so of it: each batch crosses to the thread pool once. */
export interface RowBatch {
  /** The part's own from now on, until it gives them back. */
  readonly bytes: Uint8Array;
  /** How many rows end in it. */
  readonly rows: number;
  /** Whether it ends where a row does. */
  readonly endsRow: boolean;
  /** Called when the bytes have been compressed and may change. */
  readonly release?: () => void;
}

export interface EncoderOptions {
  /** The artifact's own recipient; null: the parts are not encrypted. */
  readonly recipient: string | null;
  /** Called for each batch with what has been taken in since the last call. */
  readonly onRows?: (rows: number, rawBytes: number) => void;
  /** Where the memory of parts that were released goes, and that of later ones comes from; left out: each has its own. */
  readonly buffers?: PartBuffers;
}

/** A part as it is stored. */
export interface EncodedPart {
  readonly bytes: Buffer;
  /** Of `bytes`. */
  readonly sha256: string;
  readonly rows: number;
  readonly rawBytes: number;
  /** The bytes are of no more use: later parts may come in their place. Whoever keeps them does not call it. */
  readonly release: () => void;
}

export class PartEncoder {
  /** Taken in so far. */
  rawBytes = 0;
  #rows = 0;
  readonly #onRows: EncoderOptions["onRows"];
  readonly #compressor;
  /** Comes with what was compressed so far taken in; undefined: nothing is encrypted. */
  #encrypting: Promise<AgeEncryptor> | undefined;
  readonly #digest = createHash("sha256");
  readonly #stored: PartBytes;
  #compressing: Promise<void> = Promise.resolve();

  constructor(options: EncoderOptions) {
    this.#onRows = options.onRows;
    const { recipient } = options;
    // Its header is made on the thread pool, while the rows are read and compressed.
    if (recipient !== null) this.#encryptNext(createAgeEncryptor({ recipients: [recipient] }));
    this.#stored = new PartBytes(options.buffers ?? new PartBuffers());
    this.#compressor = createCompressor((bytes) => this.#encrypt(bytes));
  }

  /** Resolves when the batches before this one are compressed, so that no more than one ever waits. */
  async write({ bytes, rows, release }: RowBatch): Promise<void> {
    this.rawBytes += bytes.length;
    this.#rows += rows;
    this.#onRows?.(rows, bytes.length);
    const before = this.#compressing;
    this.#compressing = this.#compressor.write(bytes).then(release);
    this.#compressing.catch(() => {}); // seen by whoever waits for it next
    await before;
  }

  /** Ends the part; nothing may be written after. */
  async finish(): Promise<EncodedPart> {
    await this.#compressing;
    await this.#compressor.end();
    const encryptor = await this.#encrypting;
    if (encryptor !== undefined) this.#store(encryptor.final());
    return {
      bytes: this.#stored.whole(),
      sha256: this.#digest.digest("hex"),
      rows: this.#rows,
      rawBytes: this.rawBytes,
      release: () => this.#stored.release(),
    };
  }

  /** Frees what the part holds outside the heap; harmless after `finish`. */
  destroy(): void {
    this.#compressor.destroy();
  }

  #encrypt(compressed: Buffer): void {
    noteSpent(compressed.length);
    if (this.#encrypting === undefined) return this.#store([compressed]);
    const take = (encryptor: AgeEncryptor): AgeEncryptor => {
      this.#store(encryptor.update(compressed));
      return encryptor;
    };
    this.#encryptNext(this.#encrypting.then(take));
  }

  #encryptNext(next: Promise<AgeEncryptor>): void {
    this.#encrypting = next;
    next.catch(() => {}); // seen at the end of the part
  }

  #store(pieces: readonly Buffer[]): void {
    for (const bytes of pieces) {
      this.#digest.update(bytes);
      this.#stored.add(bytes);
      if (this.#encrypting !== undefined) noteSpent(bytes.length);
    }
  }
}
