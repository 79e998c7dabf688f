// A session: one connection to a protected database, whose running statement ends when the caller's signal aborts.
import { sql } from "drizzle-orm";
import type postgres from "postgres";
import { Canceller } from "./canceller.ts";
import type { BackendKey, Connection, DrizzleClient } from "./connection.ts";
import type { CopyBatch, CopyTap } from "./copy-tap.ts";
import { databaseError, isConnectionLost, unreachable } from "./errors.ts";
import { renderStatement, statementText, type Statement } from "./quote.ts";

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
  /**
   * Sends `COPY ... TO STDOUT` with the first read and yields its rows as they come; the socket waits for a slow reader. A reader
   * that leaves early cancels the COPY, which (as any failure) leaves the transaction fit for nothing but a rollback. Several
   * COPYs, and other statements that return nothing, may be in one message, with semicolons between: each COPY's last batch says so.
   */
  copyOut(statement: Statement): AsyncGenerator<CopyBatch, void, undefined>;
  /** @param characteristics as after BEGIN: `ISOLATION LEVEL REPEATABLE READ, READ ONLY` */
  begin(characteristics?: string): Promise<void>;
  /** @throws also when a statement of the transaction had failed: then nothing was committed */
  commit(): Promise<void>;
  /** Also after the signal has aborted; does nothing without a transaction. */
  rollback(): Promise<void>;
  /** Begins, commits after `work`, rolls back and rethrows when it throws. */
  transaction<T>(work: () => Promise<T>, characteristics?: string): Promise<T>;
  /** Ends the connection, and with it a transaction that is open; cancels what runs. May be called twice. */
  close(): Promise<void>;
}

/** SQLSTATE of a setting that cannot be had. */
const INVALID_PARAMETER = "22023";

/**
 * As pg_dump sets them: every value prints the same wherever and whenever it is read, nothing is looked up in a schema that
 * was not named, no timeout of the role or the database applies, and a policy that would hide rows is an error. And no time is
 * spent on compiling what runs once. Beyond pg_dump, money is in the C locale: in another one its digits would mean another amount.
 */
const SETTINGS = {
  search_path: "pg_catalog",
  TimeZone: "UTC",
  DateStyle: "ISO",
  IntervalStyle: "postgres",
  extra_float_digits: "3",
  bytea_output: "hex",
  xmloption: "content",
  array_nulls: "on",
  lc_monetary: "C",
  standard_conforming_strings: "on",
  quote_all_identifiers: "off",
  row_security: "off",
  synchronize_seqscans: "off",
  jit: "off",
  statement_timeout: "0",
  lock_timeout: "0",
  idle_in_transaction_session_timeout: "0",
  idle_session_timeout: "0",
  default_transaction_read_only: "off",
  transaction_timeout: "0",
};

/**
 * Prepares a new connection: settings first. Settings that the server's version does not have are passed over.
 * @throws DATABASE_UNREACHABLE, DATABASE_DENIED
 */
export async function startSession(
  connection: Connection,
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
  readonly #connection: Connection;
  #key: BackendKey | undefined;
  #running: Canceller | undefined;
  #tap: CopyTap | undefined;
  #inTransaction = false;
  #closing: Promise<void> | undefined;

  constructor(connection: Connection, database: string, signal: AbortSignal) {
    this.#connection = connection;
    this.database = database;
    this.signal = signal;
    this.db = connection.db;
  }

  async start(): Promise<void> {
    const { text, parameters } = renderStatement(sql`
      SELECT pg_backend_pid() AS pid, current_setting('server_version_num')::int AS version,
        (SELECT count(set_config(key, value, false)) FROM jsonb_each_text(${JSON.stringify(SETTINGS)}::jsonb)
          WHERE current_setting(key, true) IS NOT NULL) AS settings`);
    const result = await this.run(async (client) =>
      client.unsafe<{ pid: number; version: number }[]>(text, parameters),
    );
    const [row] = result;
    if (row === undefined) throw unreachable(this.database, "the server answered without a row");
    this.#key = result.state;
    this.backendPid = row.pid;
    this.serverVersion = row.version;
    if (row.version >= 140_000) {
      // A statement whose client has died ends within this time. Servers on some systems cannot tell, and refuse it.
      await this.query("SET client_connection_check_interval = '2s'").catch((error: unknown) => {
        if (!(error instanceof Error) || !("code" in error) || error.code !== INVALID_PARAMETER) throw error;
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

  run<T>(work: (client: postgres.Sql) => Promise<T>): Promise<T> {
    return this.#execute(work, this.#canceller());
  }

  async *copyOut(statement: Statement): AsyncGenerator<CopyBatch, void, undefined> {
    const text = statementText(statement);
    this.#check();
    const tap = this.#connection.tap();
    this.#tap = tap;
    const canceller = this.#canceller();
    // A server that waits for the socket sees no request to cancel: what it has sent must be read, if only to be dropped.
    const discard = (): void => tap.discard();
    this.signal.addEventListener("abort", discard, { once: true });
    const outcome = this.#execute(async (client) => {
      await client.unsafe(text);
    }, canceller).then(
      () => tap.finish(),
      (error: unknown) => tap.fail(error),
    );
    try {
      for (let batch = await tap.next(); batch !== undefined; batch = await tap.next()) yield batch;
    } finally {
      tap.discard();
      canceller.start();
      await outcome;
      this.#connection.untap();
      this.#tap = undefined;
      this.signal.removeEventListener("abort", discard);
    }
  }

  #canceller(): Canceller {
    return new Canceller(
      async () => {
        // Without a key there is no session yet: what is given up is the attempt to connect.
        if (this.#key === undefined) this.#connection.terminate(undefined);
        else await this.#connection.cancel(this.#key);
      },
      () => this.#connection.terminate(this.backendPid),
    );
  }

  /** @throws when no statement may be sent */
  #check(): void {
    this.signal.throwIfAborted();
    if (this.#closing !== undefined) throw unreachable(this.database, "the session is closed");
    const lost = this.#connection.lost();
    if (lost !== undefined) throw unreachable(this.database, lost);
    if (this.#running !== undefined) throw new Error("a session runs one statement at a time");
  }

  async #execute<T>(work: (client: postgres.Sql) => Promise<T>, canceller: Canceller): Promise<T> {
    this.#check();
    this.#running = canceller;
    const onAbort = (): void => canceller.start();
    this.signal.addEventListener("abort", onAbort, { once: true });
    try {
      return await work(this.db.$client);
    } catch (error) {
      // Cancelled or not: what comes out of an aborted session is the reason for which it was aborted.
      this.signal.throwIfAborted();
      throw this.#translate(error);
    } finally {
      this.signal.removeEventListener("abort", onAbort);
      await canceller.stop();
      this.#running = undefined;
    }
  }

  #translate(error: unknown): unknown {
    if (this.#closing !== undefined) return unreachable(this.database, "the session was closed", error);
    const lost = this.#connection.lost();
    // Why the server ended the connection is known here, and not to postgres.js.
    return lost !== undefined && isConnectionLost(error)
      ? unreachable(this.database, lost, error)
      : databaseError(this.database, error);
  }

  async begin(characteristics = ""): Promise<void> {
    await this.query(`BEGIN ${characteristics}`);
    this.#inTransaction = true;
  }

  async commit(): Promise<void> {
    const { command } = await this.run(async (client) => client.unsafe("COMMIT"));
    this.#inTransaction = false;
    // A transaction in which something failed is rolled back, and the server does not call that an error.
    if (command !== "COMMIT") throw new Error("the transaction had failed, and was rolled back");
  }

  async rollback(): Promise<void> {
    if (!this.#inTransaction) return;
    this.#inTransaction = false;
    // The end of the connection rolls back as well, and no request to cancel that is still under way can hit it.
    if (this.signal.aborted || this.#connection.lost() !== undefined) await this.close();
    else await this.query("ROLLBACK");
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
    this.#running?.start();
    this.#tap?.discard();
    this.#closing ??= this.#connection.end();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
