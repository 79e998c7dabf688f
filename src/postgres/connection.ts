// One connection: postgres.js and Drizzle over a socket whose COPY rows can be tapped, and the ways to stop what runs on it.
import { drizzle, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import type { ConnectionTarget } from "../dial/connection-url.ts";
import { dial } from "../dial/dial.ts";
import type { CopyTap } from "./copy-tap.ts";
import { WireSocket } from "./wire-socket.ts";

const CONNECT_TIMEOUT_S = 10;
/** To say goodbye, to send a request to cancel, to terminate a backend: as long as any of these may take. */
const FAREWELL_MS = 1_000;

/** Drizzle over postgres.js, as a session uses it. */
export type DrizzleClient = PostgresJsDatabase & { $client: postgres.Sql };

/** What a session needs of the connection beneath it. */
export interface Connection {
  readonly db: DrizzleClient;
  /** Why the connection has ended, once it has. */
  readonly lost: () => string | undefined;
  /** Diverts the rows of the COPY that is sent next. */
  readonly tap: () => CopyTap;
  readonly untap: () => void;
  /** Asks the server to cancel the statement that runs; resolves when the server has taken note. Never rejects. */
  readonly cancel: (key: BackendKey) => Promise<void>;
  /** Ends this end of the connection at once, and the server's process as soon as that can be reached. */
  readonly terminate: (backendPid: number | undefined) => void;
  /** Ends the connection in good order; resolves when the server has let go of it. */
  readonly end: () => Promise<void>;
}

/** What the server handed out to this connection for the requests to cancel. */
export interface BackendKey {
  readonly pid: number;
  readonly secret: number;
}

/** Connects with the first statement. */
export function createConnection(target: ConnectionTarget, applicationName: string): Connection {
  const { endpoint, tls, account, settings } = target;
  let wire: WireSocket | undefined;
  let termination: Promise<void> | undefined;
  const client = postgres({
    ...account,
    max: 1,
    prepare: false,
    fetch_types: false,
    ssl: false,
    max_lifetime: null,
    connect_timeout: CONNECT_TIMEOUT_S,
    onnotice: () => undefined,
    connection: { application_name: applicationName, ...settings },
    ...socketOption(() => {
      if (wire !== undefined) {
        // A session's state (its transaction, its settings, its locks) cannot be had again from another connection.
        return new WireSocket(endpoint, () => Promise.reject(ended(wire?.lost)));
      }
      wire = new WireSocket(endpoint, (signal, onread) => dial(endpoint, tls, signal, onread));
      return wire;
    }),
  });
  const socket = (): WireSocket => {
    if (wire === undefined) throw new Error("no statement was sent yet, so there is no connection");
    return wire;
  };
  return {
    db: drizzle(client),
    lost: () => wire?.lost,
    tap: () => socket().tap(),
    untap: () => socket().untap(),
    cancel: (key) => requestCancel(target, key),
    terminate(backendPid) {
      wire?.destroy();
      if (backendPid !== undefined) termination = terminateBackend(target, backendPid);
    },
    async end() {
      await client.end({ timeout: FAREWELL_MS / 1_000 });
      wire?.destroy();
      await wire?.closed;
      await termination;
    },
  };
}

/** In postgres.js' words, so that the connection's end is known for one. */
function ended(lost = "a second connection"): Error {
  return Object.assign(new Error(lost), { code: "CONNECTION_CLOSED" });
}

/** postgres.js takes a factory of sockets, which its types do not tell. */
function socketOption(factory: () => WireSocket): object {
  return { socket: factory };
}

/** PostgreSQL's CancelRequest: a connection of its own that says which backend, and takes no place among the server's connections. */
async function requestCancel(target: ConnectionTarget, key: BackendKey): Promise<void> {
  const request = Buffer.alloc(16);
  request.writeInt32BE(16, 0);
  request.writeInt32BE(80_877_102, 4);
  request.writeUInt32BE(key.pid, 8);
  request.writeUInt32BE(key.secret, 12);
  const signal = AbortSignal.timeout(FAREWELL_MS);
  try {
    const socket = await dial(target.endpoint, target.tls, signal);
    const { promise, resolve } = Promise.withResolvers<void>();
    // The server closes the connection after it has sent the backend its signal.
    socket.once("close", () => resolve()).once("error", () => resolve());
    signal.addEventListener("abort", () => socket.destroy(), { once: true });
    socket.resume().end(request);
    await promise;
  } catch {
    // A server that cannot be reached any more has nothing left to cancel.
  }
}

/** For a backend that ignores the request, which before PostgreSQL 14 also does not notice that its client has gone. */
async function terminateBackend(target: ConnectionTarget, backendPid: number): Promise<void> {
  const connection = createConnection(target, "holdfast cancel");
  const timer = setTimeout(() => connection.terminate(undefined), FAREWELL_MS);
  try {
    await connection.db.$client`SELECT pg_terminate_backend(${backendPid})`;
  } catch {
    // Nothing more can be done from here.
  } finally {
    clearTimeout(timer);
    await connection.end();
  }
}
