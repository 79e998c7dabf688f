// A session: one connection to a protected database, whose running statement ends when the caller's signal aborts.
import { sql } from "drizzle-orm";
import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type postgres from "postgres";
import { databaseError, unreachable } from "./errors.ts";
import { renderStatement, type Statement } from "./quote.ts";

/** Drizzle over postgres.js, as a session uses it. */
export type DrizzleClient = PostgresJsDatabase & { $client: postgres.Sql };

/**
 * One connection, never silently replaced: when it is lost, every later statement fails with DATABASE_UNREACHABLE. Statements
 * run one after the other. Every method throws the signal's reason once the signal is aborted (a statement that is running then
 * is cancelled on the server), and otherwise errors of the catalogue where it has a word for them.
 *
 * Values come as postgres.js reads them: bool, int2, int4, oid, float and json parsed, everything else (int8, numeric, times,
 * names, arrays) as the text that the server prints.
 */
export interface Session extends AsyncDisposable {
  /** The database's name in the configuration. */
  readonly database: string;
  readonly backendPid: number;
  /** As `server_version_num` prints it: 150012 is 15.12. */
  readonly serverVersion: number;
  readonly signal: AbortSignal;
  readonly db: DrizzleClient;
  /** Runs a statement and returns how many rows it touched; or several that have no parameters, and returns 0. */
  query(statement: Statement): Promise<number>;
  /** Runs a query; `Row` is the caller's word for the shape of its rows. */
  rows<Row extends object>(statement: Statement): Promise<Row[]>;
  /**
   * Runs `work` with postgres.js' own client under the session's cancelling and translation of errors, for what the methods above
   * cannot say (COPY). `work` must end when its statement does.
   */
  run<T>(work: (client: postgres.Sql) => Promise<T>): Promise<T>;
  /** @param characteristics as after BEGIN: `ISOLATION LEVEL REPEATABLE READ, READ ONLY` */
  begin(characteristics?: string): Promise<void>;
  commit(): Promise<void>;
  /** Also after the signal has aborted; does nothing without a transaction. */
  rollback(): Promise<void>;
  /** Begins, commits after `work`, rolls back and rethrows when it throws. */
  transaction<T>(work: () => Promise<T>, characteristics?: string): Promise<T>;
  /** Ends the connection, and with it a transaction that is open; cancels what runs. May be called twice. */
  close(): Promise<void>;
}

/** What a session needs of the connection beneath it. */
export interface SessionConnection {
  readonly client: postgres.Sql;
  readonly db: DrizzleClient;
  /** Why the connection has ended, once it has. */
  readonly lost: () => string | undefined;
  /** Asks the server to cancel the statement that runs; resolves when the server has taken note. Never rejects. */
  readonly cancel: () => Promise<void>;
  /** Ends the backend for good: the server's process, as far as it can be reached, and this end of the connection. */
  readonly terminate: (backendPid: number) => void;
  /** Ends the connection; resolves when the server has let go of it. */
  readonly end: () => Promise<void>;
}

/** A cancelled statement that has not ended by then is not going to: the backend is terminated. */
const CANCEL_PATIENCE_MS = 1_000;
/** A request to cancel that arrives before its statement has started does nothing, so it is repeated. */
const CANCEL_REPEAT_MS = 200;

/**
 * As pg_dump sets them: every value prints the same wherever and whenever it is read, nothing is looked up in a schema that
 * was not named, no timeout of the role or the database applies, and a policy that would hide rows is an error.
 */
const SETTINGS = {
  search_path: "pg_catalog",
  TimeZone: "UTC",
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  extra_float_digits: "3",
  bytea_output: "hex",
  standard_conforming_strings: "on",
  quote_all_identifiers: "off",
  row_security: "off",
  synchronize_seqscans: "off",
  statement_timeout: "0",
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  transaction_timeout: "0",
};

/**
 * Prepares a new connection: settings first. Settings that the server's version does not have are passed over.
 * @throws DATABASE_UNREACHABLE, DATABASE_DENIED
 */
export async function startSession(
  connection: SessionConnection,
  database: string,
  signal: AbortSignal,
): Promise<Session> {
  const session = new PostgresSession(connection, database, signal);
  try {
    await session.start();
    return session;
  } catch (error) {
    await session.close();
    throw error;
  }
}

class PostgresSession implements Session {
  readonly database: string;
  readonly signal: AbortSignal;
  readonly db: DrizzleClient;
  backendPid = 0;
  serverVersion = 0;
  readonly #connection: SessionConnection;
  #inTransaction = false;
  #closing: Promise<void> | undefined;

  constructor(connection: SessionConnection, database: string, signal: AbortSignal) {
    this.#connection = connection;
    this.database = database;
    this.signal = signal;
    this.db = connection.db;
  }

  async start(): Promise<void> {
    const [row] = await this.rows<{ pid: number; version: number }>(sql`
      SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version,
        (SELECT count(set_config(key, value, false)) FROM jsonb_each_text(${JSON.stringify(SETTINGS)}::jsonb)
          WHERE current_setting(key, true) IS NOT NULL) AS settings`);
    if (row === undefined) throw unreachable(this.database, "the server answered without a row");
    this.backendPid = row.pid;
    this.serverVersion = row.version;
    if (row.version >= 140_000) {
      // A statement whose client has died ends within this time. Servers on other systems than Linux may refuse it.
      await this.query(sql`SET client_connection_check_interval = '2s'`).catch((error: unknown) => {
        if (!(error instanceof Error) || !("code" in error) || error.code !== "22023") throw error;
      });
    }
  }

  async query(statement: Statement): Promise<number> {
    const { text, parameters } = renderStatement(statement);
    return this.run(async (client) => (await client.unsafe(text, parameters)).count ?? 0);
  }

  async rows<Row extends object>(statement: Statement): Promise<Row[]> {
    const { text, parameters } = renderStatement(statement);
    return this.run(async (client) => [...(await client.unsafe<Row[]>(text, parameters))]);
  }

  async run<T>(work: (client: postgres.Sql) => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    if (this.#closing !== undefined) throw unreachable(this.database, "the session is closed");
    const lost = this.#connection.lost();
    if (lost !== undefined) throw unreachable(this.database, lost);
    const canceller = new Canceller(this.#connection, this.backendPid);
    const onAbort = (): void => canceller.start();
    this.signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await work(this.#connection.client);
    } catch (error) {
      // Cancelled or not: what comes out of an aborted session is the reason for which it was aborted.
      this.signal.throwIfAborted();
      throw databaseError(this.database, error);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
      await canceller.settled();
    }
  }

  async begin(characteristics = ""): Promise<void> {
    await this.query(`BEGIN ${characteristics}`);
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    await this.query("COMMIT");
    this.#inTransaction = false;
  }

  async rollback(): Promise<void> {
    if (!this.#inTransaction) return;
    this.#inTransaction = false;
    if (this.signal.aborted || this.#connection.lost() !== undefined) {
      // The connection's end rolls back as well, and cannot be caught by a request to cancel that is still under way.
      await this.close();
      return;
    }
    await this.query("ROLLBACK");
  }

  async transaction<T>(work: () => Promise<T>, characteristics?: string): Promise<T> {
    await this.begin(characteristics);
    try {
      const result = await work();
      await this.commit();
      return result;
    } catch (error) {
      await this.rollback().catch(() => this.close());
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#connection.end();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Ends one running statement: asks, asks again, and at last takes the backend away. */
class Canceller {
  readonly #connection: SessionConnection;
  readonly #backendPid: number;
  #timer: NodeJS.Timeout | undefined;
  #request: Promise<void> | undefined;
  #done = false;

  constructor(connection: SessionConnection, backendPid: number) {
    this.#connection = connection;
    this.#backendPid = backendPid;
  }

  start(deadline: number = Date.now() + CANCEL_PATIENCE_MS): void {
    if (this.#done) return;
    if (Date.now() >= deadline) {
      this.#connection.terminate(this.#backendPid);
      return;
    }
    this.#request = this.#connection.cancel();
    this.#timer = setTimeout(() => this.start(deadline), CANCEL_REPEAT_MS);
  }

  /** To be awaited before the next statement, so that a late request does not hit it. */
  async settled(): Promise<void> {
    this.#done = true;
    clearTimeout(this.#timer);
    await this.#request;
  }
}
