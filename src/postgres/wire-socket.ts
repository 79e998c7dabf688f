// The socket beneath postgres.js: all goes through it as it is, but a COPY's rows go to whoever taps them.
import { EventEmitter } from "node:events";
import type { OnReadOpts, Socket } from "node:net";
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

/** A peer that has gone without a word is noticed by this. */
const KEEP_ALIVE_MS = 30_000;

type WriteCallback = (error?: Error | null) => void;

/**
 * Stands where postgres.js has a net.Socket, and does what its connection.js asks of one. It is given to postgres.js before
 * it is connected, because a socket factory that fails leaves postgres.js without a connection for good; a failure to
 * connect is emitted as `error` and `close`, as a net.Socket's is.
 */
export class WireSocket extends EventEmitter {
  /** Both are named in postgres.js' messages. */
  readonly host: string;
  readonly port: number;
  /** Why the connection has ended, once it has. */
  lost: string | undefined;

  readonly #splitter = new FrameSplitter((bytes) => this.#pass(bytes));
  readonly #idleBuffer = Buffer.allocUnsafeSlow(IDLE_READ_BYTES);
  readonly #abandon = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  /** Where the next bytes of a plain connection arrive. */
  #reading: Buffer = this.#idleBuffer;
  #socket: Socket | undefined;
  /** Written before the connection was there. */
  #early: [Uint8Array, WriteCallback | undefined][] = [];
  #tap: CopyTap | undefined;
  readonly #spare = new SpareBuffers();
  /** The last thing that the server said: before it ends a connection, why. */
  #lastWords: Buffer = Buffer.alloc(0);

  /** @param open connects; a plain socket reads as the options say, any other emits `data` */
  constructor(
    name: { readonly host: string; readonly port: number },
    open: (signal: AbortSignal, onread: OnReadOpts) => Promise<Socket>,
  ) {
    super();
    this.host = name.host;
    this.port = name.port;
    const onread: OnReadOpts = {
      buffer: () => this.#nextBuffer(),
      callback: (lengthBytes) => this.#received(this.#reading, lengthBytes) && !this.#rests(lengthBytes),
    };
    open(this.#abandon.signal, onread).then(
      (socket) => this.#connected(socket),
      (error: unknown) => this.#failed(error),
    );
  }

  /** Resolves when the connection has ended, or was never made. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get readyState(): string {
    if (this.lost !== undefined) return "closed";
    return this.#socket?.readyState ?? "opening";
  }

  /**
   * From now on the rows of COPYs go to the tap, and postgres.js sees each as a statement without rows. To be called
   * before the COPYs are sent, and ended with {@link untap} after postgres.js has its result.
   */
  tap(): CopyTap {
    this.#tap = new CopyTap(() => this.#socket?.resume(), this.#spare);
    return this.#tap;
  }

  untap(): void {
    this.#tap = undefined;
  }

  write(bytes: Uint8Array, callback?: WriteCallback): boolean {
    if (this.#socket !== undefined) return this.#socket.write(bytes, callback);
    if (this.lost === undefined) this.#early.push([bytes, callback]);
    return true;
  }

  end(bytes: Uint8Array): this {
    this.#socket?.end(bytes);
    return this;
  }

  destroy(error?: Error): this {
    this.#abandon.abort(error ?? new Error("the connection was given up"));
    this.#socket?.destroy(error);
    return this;
  }

  pause(): this {
    this.#socket?.pause();
    return this;
  }

  resume(): this {
    this.#socket?.resume();
    return this;
  }

  setKeepAlive(enable: boolean, initialDelayMs: number): this {
    this.#socket?.setKeepAlive(enable, initialDelayMs);
    return this;
  }

  #connected(socket: Socket): void {
    this.#socket = socket;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (bytes) => {
      if (!this.#received(bytes, bytes.length)) socket.pause();
    });
    socket.on("drain", () => this.emit("drain"));
    socket.on("error", (error) => {
      this.lost = errorMessage(this.#lastWords) ?? error.message;
      this.emit("error", error);
    });
    socket.on("close", (hadError) => {
      this.#ended(errorMessage(this.#lastWords) ?? "the server closed the connection", hadError);
    });
    for (const [bytes, callback] of this.#early) socket.write(bytes, callback);
    this.#early = [];
  }

  /** Not before postgres.js has put its listeners on. */
  #failed(error: unknown): void {
    const reason = error instanceof Error ? error : new Error(String(error));
    this.lost = reason.message;
    setImmediate(() => {
      this.emit("error", reason);
      this.#ended(reason.message, true);
    });
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
      if (!tap.full) this.#socket?.resume();
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
