// Rows of COPYs between the socket that brings them and the reader that takes them, in large batches, with back pressure.

/** Consecutive bytes of a COPY; of one that is empty, none. */
export interface CopyBatch {
  /** The reader's own, until it gives them back. */
  readonly bytes: Buffer;
  /** How many rows end in it. */
  readonly rows: number;
  /** Whether it ends where a row does. Only a row that is larger than a whole batch comes in several. */
  readonly endsRow: boolean;
  /** Whether it is the COPY's last: what follows is of the next one that was sent with it. */
  readonly endsCopy: boolean;
  /** The bytes are of no more use to the reader: later ones may come in their place. A reader that keeps them does not call it. */
  readonly release: () => void;
}

/** A table of few rows does not get the memory of a large one. */
const FIRST_BATCH_BYTES = 128 * 1024;
const BATCH_BYTES = 1024 * 1024;
/** With less room than that a batch is full: reads shall be large. */
const LEAST_READ_BYTES = 64 * 1024;
/** What a COPY leaves behind at its end is handed over in memory of its own where it is no more than that, so that one buffer does for many COPYs. */
const SMALL_BYTES = 32 * 1024;
/** Buffers that wait for the reader before the socket is paused. */
const WAITING_BUFFERS = 2;
/** As many as wait, are filled and are being compressed. */
const SPARE_BUFFERS = 4;

/**
 * Buffers of a batch's size that have been given back. What a COPY brings would otherwise all be garbage, and collecting it took a
 * third of the CPU that a backup takes on this side.
 */
export class SpareBuffers {
  readonly #buffers: Buffer[] = [];
  #first: Buffer | undefined;

  /** For the first batch of a COPY. */
  takeFirst(): Buffer {
    const first = this.#first ?? this.#buffers.pop() ?? Buffer.allocUnsafeSlow(FIRST_BATCH_BYTES);
    if (first === this.#first) this.#first = undefined;
    return first;
  }

  take(): Buffer {
    return this.#buffers.pop() ?? Buffer.allocUnsafeSlow(BATCH_BYTES);
  }

  give(buffer: Buffer): void {
    if (buffer.length === FIRST_BATCH_BYTES) this.#first = buffer;
    else if (buffer.length === BATCH_BYTES && this.#buffers.length < SPARE_BUFFERS)
      this.#buffers.push(buffer);
  }
}

interface Waiting {
  readonly batch: CopyBatch;
  /** Whether it lies in a buffer that others could have; small ones have memory of their own. */
  readonly hasBuffer: boolean;
}

/** Ends either with {@link finish} or with {@link fail}. */
export class CopyTap {
  /** Whether rows are of no more use to anybody. */
  discarding = false;
  /** Whether a batch of the present COPY has been handed over by now. */
  hasBatches = false;

  readonly #resume: () => void;
  readonly #spare: SpareBuffers;
  #buffer: Buffer;
  #usedBytes = 0;
  #lastRowEnd = 0;
  #rowsInBuffer = 0;
  /** Of the present COPY. */
  #rows = 0;
  #room: Buffer;
  #waiting: Waiting[] = [];
  /** Of those that wait, the ones that have a buffer. */
  #waitingBuffers = 0;
  #ended: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  /**
   * @param resume called when there is space again after {@link full}
   * @param spare of the connection, for one COPY after another
   */
  constructor(resume: () => void, spare = new SpareBuffers()) {
    this.#resume = resume;
    this.#spare = spare;
    this.#buffer = spare.takeFirst();
    this.#room = this.#buffer;
  }

  /** Where the next bytes of the connection may be read to. */
  room(): Buffer {
    if (this.#buffer.length - this.#usedBytes < LEAST_READ_BYTES) this.#cut();
    this.#room = this.#buffer.subarray(this.#usedBytes);
    return this.#room;
  }

  /**
   * Takes what a {@link FrameSplitter} left at the front of a chunk.
   * @param lastRowEnd where in it the last of the rows ended
   */
  add(chunk: Buffer, keptBytes: number, rows: number, lastRowEnd: number): void {
    if (keptBytes === 0 || this.discarding) return;
    if (chunk === this.#room) {
      this.#grow(keptBytes, rows, lastRowEnd);
      return;
    }
    // Bytes that were not read to room(): those of the first read, and all under TLS.
    if (keptBytes > this.#buffer.length - this.#usedBytes) this.#cut(keptBytes);
    chunk.copy(this.#buffer, this.#usedBytes, 0, keptBytes);
    this.#grow(keptBytes, rows, lastRowEnd);
  }

  #grow(keptBytes: number, rows: number, lastRowEnd: number): void {
    if (rows > 0) this.#lastRowEnd = this.#usedBytes + lastRowEnd;
    this.#usedBytes += keptBytes;
    this.#rowsInBuffer += rows;
    this.#rows += rows;
  }

  /** Whether the socket should wait. */
  get full(): boolean {
    return this.#waitingBuffers >= WAITING_BUFFERS && !this.discarding;
  }

  /** Hands over the whole rows of the buffer (of a row that fills it, all of it) and starts another with the rest. */
  #cut(neededBytes = 0): void {
    const endsRow = this.#lastRowEnd > 0;
    const sizeBytes = endsRow ? this.#lastRowEnd : this.#usedBytes;
    const full = this.#buffer;
    const rest = full.subarray(sizeBytes, this.#usedBytes);
    const roomBytes = rest.length + neededBytes + LEAST_READ_BYTES;
    this.#buffer = roomBytes > BATCH_BYTES ? Buffer.allocUnsafeSlow(roomBytes) : this.#spare.take();
    rest.copy(this.#buffer);
    this.#usedBytes = rest.length;
    this.#hand(full, sizeBytes, endsRow, false);
    this.#wake?.();
  }

  /**
   * A COPY is complete; what comes next is of another one.
   * @param rows as the server counts them
   */
  endCopy(rows: number): void {
    if (this.discarding) return;
    if (rows !== this.#rows) {
      this.fail(new Error(`the server sent ${rows} rows, and ${this.#rows} were read`));
      return;
    }
    const sizeBytes = this.#usedBytes;
    const endsRow = this.#lastRowEnd === sizeBytes;
    if (sizeBytes <= SMALL_BYTES) {
      const bytes = Buffer.from(this.#buffer.subarray(0, sizeBytes));
      const batch = { bytes, rows: this.#rowsInBuffer, endsRow, endsCopy: true, release: () => {} };
      this.#waiting.push({ batch, hasBuffer: false });
    } else {
      const full = this.#buffer;
      this.#buffer = this.#spare.takeFirst();
      this.#hand(full, sizeBytes, endsRow, true);
    }
    this.#usedBytes = 0;
    this.#rowsInBuffer = 0;
    this.#lastRowEnd = 0;
    this.#rows = 0;
    this.hasBatches = false;
    this.#wake?.();
  }

  /** The statement has ended: nothing more comes. */
  finish(): void {
    this.#spare.give(this.#buffer);
    this.#end({});
  }

  #hand(buffer: Buffer, sizeBytes: number, endsRow: boolean, endsCopy: boolean): void {
    const release = (): void => this.#spare.give(buffer);
    this.hasBatches = true;
    if (sizeBytes === 0) release();
    else {
      const bytes = buffer.subarray(0, sizeBytes);
      const batch = { bytes, rows: this.#rowsInBuffer, endsRow, endsCopy, release };
      this.#waiting.push({ batch, hasBuffer: true });
      this.#waitingBuffers += 1;
    }
    this.#rowsInBuffer = 0;
    this.#lastRowEnd = 0;
  }

  /** The reader gets the error at once, whatever still waits. */
  fail(error: unknown): void {
    this.discard();
    this.#end({ error });
  }

  #end(ended: { readonly error?: unknown }): void {
    this.#ended ??= ended;
    this.#wake?.();
  }

  /** Drops what waits and what is still to come, so that a server which waits for the socket gets to its end. */
  discard(): void {
    this.discarding = true;
    this.#waiting = [];
    this.#waitingBuffers = 0;
    this.#resume();
  }

  /** @returns undefined after the last batch */
  async next(): Promise<CopyBatch | undefined> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next !== undefined) {
        if (next.hasBuffer) {
          this.#waitingBuffers -= 1;
          if (!this.full) this.#resume();
        }
        return next.batch;
      }
      if (this.#ended !== undefined) {
        if ("error" in this.#ended) throw this.#ended.error;
        return undefined;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }
}
