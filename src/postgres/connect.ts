// Databases that are protected, and the sessions on them.
import { createConnection, type Connection } from "./connection.ts";
import { readConnectionUrl } from "../dial/connection-url.ts";
import { unreachable } from "./errors.ts";
import { startSession, type Session } from "./session.ts";

export interface DatabaseOptions {
  /** The database's name in the configuration; the only name that messages use. */
  readonly name: string;
  /** `postgres://user:password@host:port/database?sslmode=...`; other parameters are settings for the server. */
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  /** Sessions at the same time; further ones wait for a place. */
  readonly maxConnections: number;
}

export interface Database {
  readonly name: string;
  readonly maxConnections: number;
  /**
   * Connects. The caller closes the session.
   * @throws DATABASE_UNREACHABLE when there is no server, no such database or no entry; the signal's reason when it aborts.
   */
  session(signal: AbortSignal): Promise<Session>;
  /** Ends every session that is still open, and the statement that it runs. */
  close(): Promise<void>;
}

/**
 * Connects to nothing yet.
 * @throws CONFIG_INVALID for a URL that is not one
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { name, applicationName, maxConnections } = options;
  const target = readConnectionUrl(name, options.url);
  const places = new Places(maxConnections);
  const open = new Map<Connection, Session>();
  let closed = false;
  return {
    name,
    maxConnections,
    async session(signal) {
      await places.take(signal);
      if (closed) {
        places.give();
        throw unreachable(name, "it was closed");
      }
      const connection = createConnection(target, applicationName);
      const end = async (): Promise<void> => {
        await connection.end();
        open.delete(connection);
        places.give();
      };
      const session = await startSession({ ...connection, end }, name, signal);
      open.set(connection, session);
      if (closed) {
        await session.close();
        throw unreachable(name, "it was closed");
      }
      return session;
    },
    async close() {
      closed = true;
      await Promise.all([...open.values()].map((session) => session.close()));
    },
  };
}

/** A number of places, given to those who wait in the order in which they came. */
class Places {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** @throws the signal's reason when it aborts first */
  async take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = (): void => {
      this.#waiting.delete(resolve);
      reject(signal.reason);
    };
    this.#waiting.add(resolve);
    signal.addEventListener("abort", leave, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", leave));
  }

  give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
