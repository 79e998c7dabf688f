// The socket beneath postgres.js in the ledger's pool. It fails and closes in one moment, in which nothing is about to be
// written: between a net.Socket's `error` and its `close` postgres.js gives the connection further statements, of which nobody
// ever hears again; and a message that it was about to write when the socket closes keeps it from ever writing on that connection again.
// Nor does it close without having failed. At a proxy that has no server, or a server that is starting, postgres.js would connect again and
// again with the same statement, and whoever asked would wait for as long as that lasts.
import type { ConnectionTarget } from "../dial/connection-url.ts";
import { dial } from "../dial/dial.ts";
import { DriverSocket } from "../dial/driver-socket.ts";

/** A process that always has something immediate to do closes its sockets all the same. */
const TURNS_MAX = 100;

class SteadySocket extends DriverSocket {
  #failure: Error | undefined;

  constructor({ endpoint, tls }: ConnectionTarget) {
    super(endpoint);
    this.connectBy((signal) => dial(endpoint, tls, signal));
  }

  protected override onData(bytes: Buffer): void {
    this.emit("data", bytes);
  }

  protected override onUnconnected(error: Error): void {
    this.onError(error);
    this.onClose();
  }

  protected override onError(error: Error): void {
    this.#failure ??= error;
  }

  protected override onClose(): void {
    this.#closeWhenQuiet(TURNS_MAX);
  }

  #closeWhenQuiet(turnsLeft: number): void {
    setImmediate(() => {
      // postgres.js writes in the turn after it was asked to.
      if (turnsLeft > 0 && process.getActiveResourcesInfo().includes("Immediate")) {
        this.#closeWhenQuiet(turnsLeft - 1);
        return;
      }
      if (this.listenerCount("error") > 0) this.emit("error", this.#failure ?? closed());
      this.emit("close", true);
    });
  }
}

/** As the driver's own. */
function closed(): Error {
  return Object.assign(new Error("the server has closed the connection"), { code: "CONNECTION_CLOSED" });
}

/** Options of postgres.js, of which its types tell one: sockets that connect to the target, over TLS where its URL asks for that. */
export function steadySockets(target: ConnectionTarget): object {
  return { ssl: false, socket: () => new SteadySocket(target) };
}
