// What a driver of PostgreSQL is given in the place of a net.Socket: one that connects in our way, over TLS too, and tells of its end as
// whoever extends it sees fit.
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Endpoint } from "./dial.ts";

/** A peer that has gone without a word is noticed by this. */
const KEEP_ALIVE_MS = 30_000;

type WriteCallback = (error?: Error | null) => void;

/**
 * Does what postgres.js' connection.js asks of a socket, and what it has in common with that of pg. It is given away before it is connected,
 * because a socket factory that fails leaves postgres.js without a connection for good.
 */
export abstract class DriverSocket extends EventEmitter {
  /** Both are named in messages. */
  readonly host: string;
  readonly port: number;

  readonly #abandon = new AbortController();
  #socket: Socket | undefined;
  /** Written before the connection was there. */
  #early: [Uint8Array, WriteCallback | undefined][] = [];
  #failed = false;

  constructor(endpoint: Endpoint) {
    super();
    const isPath = "path" in endpoint;
    this.host = isPath ? endpoint.path : endpoint.host;
    this.port = isPath ? 0 : endpoint.port;
  }

  get readyState(): string {
    return this.#failed ? "closed" : (this.#socket?.readyState ?? "opening");
  }

  write(bytes: Uint8Array, callback?: WriteCallback): boolean {
    if (this.#socket !== undefined) return this.#socket.write(bytes, callback);
    if (!this.#failed) this.#early.push([bytes, callback]);
    return true;
  }

  end(bytes: Uint8Array = new Uint8Array(0)): this {
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

  setKeepAlive(enable: boolean, initialDelayMs?: number): this {
    this.#socket?.setKeepAlive(enable, initialDelayMs);
    return this;
  }

  ref(): this {
    this.#socket?.ref();
    return this;
  }

  unref(): this {
    this.#socket?.unref();
    return this;
  }

  /** To be called once. @param open connects, and rejects when its signal aborts */
  protected connectBy(open: (signal: AbortSignal) => Promise<Socket>): void {
    open(this.#abandon.signal).then(
      (socket) => this.#connected(socket),
      (error: unknown) => {
        this.#failed = true;
        this.onUnconnected(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  /** The connection is made, and what was written before is sent. */
  protected onConnect(): void {}
  /** What a socket has brought that emits `data`. */
  protected abstract onData(bytes: Buffer): void;
  /** The connection was never made; the driver may have put no listeners on yet. */
  protected abstract onUnconnected(error: Error): void;
  protected abstract onError(error: Error): void;
  protected abstract onClose(hadError: boolean): void;

  #connected(socket: Socket): void {
    this.#socket = socket;
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (bytes: Buffer) => this.onData(bytes));
    socket.on("drain", () => this.emit("drain"));
    socket.on("error", (error) => this.onError(error));
    socket.on("close", (hadError) => this.onClose(hadError));
    for (const [bytes, callback] of this.#early) socket.write(bytes, callback);
    this.#early = [];
    this.onConnect();
  }
}
