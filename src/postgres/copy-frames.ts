// Takes PostgreSQL's protocol apart into frames, as far as COPY needs it: rows to the one side, everything else to the other.

/** CopyData, CopyOutResponse and CopyDone: the three messages of a COPY that no error ends. */
const COPY_DATA = 0x64;
const COPY_OUT_RESPONSE = 0x48;
const COPY_DONE = 0x63;
/** What follows on it: that the statement has ended, and what it was. A COPY says how many rows it was. */
const COMMAND_COMPLETE = 0x43;
const COPY_TAG = "COPY ";

/** A frame's type and its length, which counts itself and not the type. */
const HEADER_BYTES = 5;

/** What becomes of a COPY's frames: kept as rows, dropped, or passed on like all others. */
export type CopyFrames = "keep" | "drop" | "pass";

/**
 * Splits the bytes that a server sends. They may be cut anywhere, inside a header too. One instance sees all bytes of one
 * connection, from the first on, and so always knows where a frame starts.
 *
 * Rows are moved to the front of the very chunk that they came in, over the headers: `copyWithin` costs a fifth of what a copy
 * into another buffer does (for which a view has to be made), and there is one for each row.
 */
export class FrameSplitter {
  /** Bytes of rows that the last chunk starts with after {@link split}. */
  keptBytes = 0;
  /** Rows that ended in the last chunk: the server sends each in one CopyData frame. */
  rows = 0;
  /** Where in the kept bytes the last of them ended. */
  lastRowEnd = 0;
  /** Where {@link split} stopped because a COPY has ended: how many rows it had, as the server counts them. */
  copiedRows: number | undefined;

  readonly #pass: (bytes: Buffer) => void;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  /** Of a header that is cut: the bytes that have come. They are held back until the frame's type and length are known. */
  #headerBytes = 0;
  /** Of the present frame: what becomes of it, and the bytes that are still to come. */
  #fate: CopyFrames = "pass";
  #bodyBytes = 0;
  /** What has come of the tag of a statement that has ended, while there is more to come of it. */
  #tag: string | undefined;

  /** @param pass gets copies of all bytes that are not a COPY's, in order, in pieces of any size */
  constructor(pass: (bytes: Buffer) => void) {
    this.#pass = pass;
  }

  /**
   * Changes the chunk: afterwards its first `keptBytes` are rows. Stops where a COPY has ended whose rows are kept.
   * @returns how many bytes of it are done with; those after them are as they were
   */
  split(chunk: Buffer, lengthBytes: number, copyFrames: CopyFrames): number {
    this.copiedRows = undefined;
    let at = 0;
    let kept = 0;
    let rows = 0;
    let lastRowEnd = 0;
    /** Where bytes to be passed on start; -1: nowhere. */
    let passFrom = this.#bodyBytes > 0 && this.#fate === "pass" ? 0 : -1;
    while (at < lengthBytes && this.copiedRows === undefined) {
      if (this.#bodyBytes === 0) {
        const start = at;
        if (this.#headerBytes === 0 && lengthBytes - at >= HEADER_BYTES) {
          this.#begin(chunk, at, copyFrames);
          at += HEADER_BYTES;
          if (this.#fate === "pass") {
            if (passFrom < 0) passFrom = start;
          } else if (passFrom >= 0) {
            this.#pass(Buffer.from(chunk.subarray(passFrom, start)));
            passFrom = -1;
          }
        } else {
          if (passFrom >= 0) this.#pass(Buffer.from(chunk.subarray(passFrom, start)));
          passFrom = -1;
          at = this.#gatherHeader(chunk, at, lengthBytes, copyFrames);
          if (this.#headerBytes > 0) break;
          if (this.#fate === "pass") passFrom = at;
        }
        if (this.#bodyBytes > 0) continue;
      }
      const end = Math.min(at + this.#bodyBytes, lengthBytes);
      if (this.#tag !== undefined) this.#readTag(this.#tag + chunk.toString("latin1", at, end), end - at);
      if (this.#fate === "keep") {
        if (kept < at) chunk.copyWithin(kept, at, end);
        kept += end - at;
      }
      this.#bodyBytes -= end - at;
      at = end;
      if (this.#bodyBytes === 0 && this.#fate === "keep") {
        rows += 1;
        lastRowEnd = kept;
      }
    }
    if (passFrom >= 0 && passFrom < at) this.#pass(Buffer.from(chunk.subarray(passFrom, at)));
    this.keptBytes = kept;
    this.rows = rows;
    this.lastRowEnd = lastRowEnd;
    return at;
  }

  /** A frame's header is there. */
  #begin(header: Buffer, at: number, copyFrames: CopyFrames): void {
    const type = header[at];
    this.#fate = fateOf(type, copyFrames);
    this.#bodyBytes = header.readUInt32BE(at + 1) - 4;
    this.#tag = type === COMMAND_COMPLETE && copyFrames === "keep" ? "" : undefined;
  }

  #readTag(tag: string, lengthBytes: number): void {
    const whole = lengthBytes === this.#bodyBytes;
    this.#tag = whole ? undefined : tag;
    if (whole && tag.startsWith(COPY_TAG)) this.copiedRows = Number.parseInt(tag.slice(COPY_TAG.length), 10);
  }

  /** Takes bytes of a header that does not lie whole in one chunk; `#headerBytes` is 0 again once it is complete. */
  #gatherHeader(chunk: Buffer, from: number, lengthBytes: number, copyFrames: CopyFrames): number {
    const end = Math.min(from + HEADER_BYTES - this.#headerBytes, lengthBytes);
    chunk.copy(this.#header, this.#headerBytes, from, end);
    this.#headerBytes += end - from;
    if (this.#headerBytes === HEADER_BYTES) {
      this.#headerBytes = 0;
      this.#begin(this.#header, 0, copyFrames);
      if (this.#fate === "pass") this.#pass(Buffer.from(this.#header));
    }
    return end;
  }
}

/** The COPY's first and last message carry nothing that the reader of its rows needs. */
function fateOf(type: number | undefined, copyFrames: CopyFrames): CopyFrames {
  if (type === COPY_DATA) return copyFrames;
  if (type !== COPY_OUT_RESPONSE && type !== COPY_DONE) return "pass";
  return copyFrames === "keep" ? "drop" : copyFrames;
}
