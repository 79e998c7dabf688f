// Connections to a database that is protected: postgres.js beneath Drizzle, one client for each session.
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { databaseError } from "./errors.ts";
import { startSession, type Session, type SessionConnection } from "./session.ts";

export type { Session } from "./session.ts";

export interface DatabaseOptions {
  /** The database's name in the configuration; the only name that messages use. */
  readonly name: string;
  /** `postgres://user:password@host:port/database?sslmode=...` */
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
  /** Closes every session that is still open. */
  close(): Promise<void>;
}

/** Opens nothing yet: the first connection is made by the first session. */
export function openDatabase(options: DatabaseOptions): Database {
  const sessions = new Set<Session>();
  return {
    name: options.name,
    maxConnections: options.maxConnections,
    async session(signal) {
      signal.throwIfAborted();
      try {
        const session = await startSession(connect(options), options.name, signal);
        sessions.add(session);
        return session;
      } catch (error) {
        throw databaseError(options.name, error);
      }
    },
    async close() {
      await Promise.all([...sessions].map((session) => session.close()));
    },
  };
}

function connect(options: DatabaseOptions): SessionConnection {
  const client = postgres(options.url, {
    max: 1,
    prepare: false,
    fetch_types: false,
    max_lifetime: null,
    connect_timeout: 10,
    onnotice: () => undefined,
    connection: { application_name: options.applicationName },
  });
  return {
    client,
    db: drizzle(client),
    lost: () => undefined,
    cancel: async () => undefined,
    terminate: () => undefined,
    end: () => client.end({ timeout: 1 }),
  };
}
