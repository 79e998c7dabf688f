// The socket beneath postgres.js in the ledger's pool. It fails and closes in one moment, in which nothing is about to be
// written: between a net.Socket's `error` and its `close` postgres.js gives the connection further statements, of which nobody
// ever hears again; and a message that it was about to write when the socket closes keeps it from ever writing on that connection again.
// Nor does it close without having failed. At a proxy that has no server, or a server that is starting, postgres.js would connect again and
// again with the same statement, and whoever asked would wait for as long as that lasts.
import { Socket } from "node:net";

/** A process that always has something immediate to do closes its sockets all the same. */
const TURNS_MAX = 100;

class SteadySocket extends Socket {
  #failure: unknown;

  override emit(event: string | symbol, ...args: unknown[]): boolean {
    if (event === "error") {
      this.#failure ??= args[0];
      return true;
    }
    if (event === "close") {
      this.#closeWhenQuiet(TURNS_MAX);
      return true;
    }
    return super.emit(event, ...args);
  }

  #closeWhenQuiet(turnsLeft: number): void {
    setImmediate(() => {
      // postgres.js writes in the turn after it was asked to.
      if (turnsLeft > 0 && process.getActiveResourcesInfo().includes("Immediate")) {
        this.#closeWhenQuiet(turnsLeft - 1);
        return;
      }
      // Over TLS the driver listens to another socket, which has this one closed.
      const isHeard = this.listenerCount("error") > 0;
      if (isHeard || this.#failure !== undefined) super.emit("error", this.#failure ?? closed());
      super.emit("close", true);
    });
  }
}

/** As the driver's own. */
function closed(): Error {
  return Object.assign(new Error("the server has closed the connection"), { code: "CONNECTION_CLOSED" });
}

/** What postgres.js knows of where it connects to: a host, several that are tried in turn, or a socket in the file system. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  readonly path?: string | false | undefined;
}

/**
 * An option of postgres.js, which its types do not tell: a factory of sockets that begin to connect, and take what is written
 * meanwhile.
 */
export function steadySockets(): object {
  let count = 0;
  const socket = ({ host: hosts, port: ports, path }: Target): SteadySocket => {
    const host = hosts[count % hosts.length] ?? "localhost";
    const port = ports[count % ports.length] ?? 5432;
    count += 1;
    const made = new SteadySocket();
    if (typeof path === "string" && path !== "") return made.connect(path);
    // Errors name them.
    return Object.assign(made.connect(port, host), { host, port });
  };
  return { socket };
}
