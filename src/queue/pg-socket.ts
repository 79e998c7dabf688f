// The socket beneath pg, BullMQ's driver of PostgreSQL: it goes the way that the rest of Holdfast goes, so that a URL means the same to all.
import type { ConnectionTarget } from "../dial/connection-url.ts";
import { dial } from "../dial/dial.ts";
import { DriverSocket } from "../dial/driver-socket.ts";

/** Does what pg's connection.js asks of a socket. */
export class PgSocket extends DriverSocket {
  readonly #target: ConnectionTarget;

  /** Nothing is connected yet. */
  constructor(target: ConnectionTarget) {
    super(target.endpoint);
    this.#target = target;
  }

  /** Wherever pg thinks that the server is. */
  connect(): this {
    this.connectBy((signal) => dial(this.#target.endpoint, this.#target.tls, signal));
    return this;
  }

  get writable(): boolean {
    return this.readyState === "open" || this.readyState === "opening";
  }

  /** It was asked for when the connection was made. */
  setNoDelay(): this {
    return this;
  }

  protected override onConnect(): void {
    this.emit("connect");
  }

  protected override onData(bytes: Buffer): void {
    this.emit("data", bytes);
  }

  protected override onUnconnected(error: Error): void {
    this.onError(error);
    this.onClose(true);
  }

  protected override onError(error: Error): void {
    if (this.listenerCount("error") > 0) this.emit("error", error);
  }

  protected override onClose(hadError: boolean): void {
    this.emit("close", hadError);
  }
}
