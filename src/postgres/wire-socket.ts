// The socket beneath postgres.js: all goes through it as it is, but a COPY's rows go to whoever taps them.
import type { OnReadOpts, Socket } from "node:net";
import type { Endpoint } from "../dial/dial.ts";
import { DriverSocket } from "../dial/driver-socket.ts";
import { FrameSplitter } from "./copy-frames.ts";
import { CopyTap, SpareBuffers } from "./copy-tap.ts";

/** What is read to while no rows are tapped. */
const IDLE_READ_BYTES = 64 * 1024;

/**
 * A read that brings less than that has met an almost empty socket: the next one waits so long, and brings more. A server sends rows in
 * 8 KiB; to wake for each of them took a third of the CPU of a backup on this side.
 */
const SMALL_READ_BYTES = 256 * 1024;
const REST_MS = 2;

/** A failure to connect is emitted as `error` and `close`, as a net.Socket's is. */
export class WireSocket extends DriverSocket {
  /** Why the connection has ended, once it has. */
  lost: string | undefined;

  readonly #splitter = new FrameSplitter((bytes) => this.#pass(bytes));
  readonly #idleBuffer = Buffer.allocUnsafeSlow(IDLE_READ_BYTES);
  readonly #closed = Promise.withResolvers<void>();
  /** Where the next bytes of a plain connection arrive. */
  #reading: Buffer = this.#idleBuffer;
  #tap: CopyTap | undefined;
  readonly #spare = new SpareBuffers();
  /** The last thing that the server said: before it ends a connection, why. */
  #lastWords: Buffer = Buffer.alloc(0);

  /** @param open connects; a plain socket reads as the options say, any other emits `data` */
  constructor(endpoint: Endpoint, open: (signal: AbortSignal, onread: OnReadOpts) => Promise<Socket>) {
    super(endpoint);
    const onread: OnReadOpts = {
      buffer: () => this.#nextBuffer(),
      callback: (lengthBytes) => this.#received(this.#reading, lengthBytes) && !this.#rests(lengthBytes),
    };
    this.connectBy((signal) => open(signal, onread));
  }

  /** Resolves when the connection has ended, or was never made. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  override get readyState(): string {
    return this.lost === undefined ? super.readyState : "closed";
  }

  /**
   * From now on the rows of COPYs go to the tap, and postgres.js sees each as a statement without rows. To be called
   * before the COPYs are sent, and ended with {@link untap} after postgres.js has its result.
   */
  tap(): CopyTap {
    this.#tap = new CopyTap(() => this.resume(), this.#spare);
    return this.#tap;
  }

  untap(): void {
    this.#tap = undefined;
  }

  protected override onData(bytes: Buffer): void {
    if (!this.#received(bytes, bytes.length)) this.pause();
  }

  /** Not before postgres.js has put its listeners on. */
  protected override onUnconnected(error: Error): void {
    this.lost = error.message;
    setImmediate(() => {
      this.emit("error", error);
      this.#ended(error.message, true);
    });
  }

  protected override onError(error: Error): void {
    this.lost = errorMessage(this.#lastWords) ?? error.message;
    this.emit("error", error);
  }

  protected override onClose(hadError: boolean): void {
    this.#ended(errorMessage(this.#lastWords) ?? "the server closed the connection", hadError);
  }

  #ended(reason: string, hadError: boolean): void {
    this.lost ??= reason;
    this.emit("close", hadError);
    this.#closed.resolve();
  }

  #pass(bytes: Buffer): void {
    this.#lastWords = bytes;
    this.emit("data", bytes);
  }

  #nextBuffer(): Buffer {
    const tap = this.#tap;
    this.#reading = tap === undefined || tap.discarding ? this.#idleBuffer : tap.room();
    return this.#reading;
  }

  /** Only in the middle of a COPY that has brought a batch already: what ends sooner shall not wait. */
  #rests(lengthBytes: number): boolean {
    const tap = this.#tap;
    if (tap === undefined || !tap.hasBatches || tap.discarding || lengthBytes >= SMALL_READ_BYTES)
      return false;
    setTimeout(() => {
      if (!tap.full) this.resume();
    }, REST_MS);
    return true;
  }

  /** @returns whether more may come at once */
  #received(bytes: Buffer, lengthBytes: number): boolean {
    const tap = this.#tap;
    if (tap === undefined) {
      this.#splitter.split(bytes, lengthBytes, "pass");
      return true;
    }
    const splitter = this.#splitter;
    for (let at = 0; at < lengthBytes;) {
      const rest = at === 0 ? bytes : bytes.subarray(at);
      at += splitter.split(rest, lengthBytes - at, tap.discarding ? "drop" : "keep");
      tap.add(rest, splitter.keptBytes, splitter.rows, splitter.lastRowEnd);
      if (splitter.copiedRows !== undefined) tap.endCopy(splitter.copiedRows);
    }
    return !tap.full;
  }
}

const ERROR_RESPONSE = 0x45;

/**
 * The text of an ErrorResponse with nothing after it. postgres.js tells it to nobody when the connection ends with it: it waits for
 * the server to be ready again, and without a statement it does not even do that.
 */
function errorMessage(bytes: Buffer): string | undefined {
  if (bytes[0] !== ERROR_RESPONSE || bytes.readUInt32BE(1) !== bytes.length - 1) return undefined;
  const fields = bytes.subarray(5).toString("utf8").split("\0");
  return fields.find((field) => field.startsWith("M"))?.slice(1);
}
