// One attempt of a restore into one database: a backup's rows are staged beside the live tables, compared with them, checked, and at
// last applied in one transaction. Until that commits, no live row is touched.
import { availableParallelism } from "node:os";
import { sql } from "drizzle-orm";
import type { ManifestTable } from "../core/artifact.ts";
import { tableLabel, type TableName } from "../core/catalog.ts";
import type { RowSelector } from "../core/row-selection.ts";
import type { RowFilter } from "../core/row-filter.ts";
import type { TableRows } from "../core/table-progress.ts";
import { chooseRows } from "./choose-rows.ts";
import { filterBelonging, filterNamed } from "./chosen-filter.ts";
import type { Database } from "./connect.ts";
import { EarlyInserts } from "./early-inserts.ts";
import { locksOf } from "./restore-locks.ts";
import { matchTables, type MatchedTables } from "./match-tables.ts";
import { refuseShortfalls, writingShortfalls } from "./privileges.ts";
import type { TableOwners } from "./references.ts";
import { stagingOf, type RestoredTable } from "./restored-table.ts";
import { RestoreTransaction, type RestoreContext, type TransactionKind } from "./restore-transaction.ts";
import type { Session } from "./session.ts";
import { createStagingTables } from "./staged-tables.ts";
import * as schemas from "./staging-schema.ts";
import { stagePart, stageRows, type StagingPlace } from "./stage-rows.ts";

export interface StagingOptions {
  /** A UUID. */
  readonly runId: string;
  readonly attempt: number;
  /** Of the backup, all in this database. */
  readonly tables: readonly ManifestTable[];
  /** Of all tables of this database, whether or not they are restored. */
  readonly catalog: TableOwners;
  /** How long to wait for other transactions to let go of a table. */
  readonly lockTimeoutMs?: number;
}

export interface Staging {
  /** How many calls of {@link load} at a time are worth their connections. */
  readonly loadConcurrency: number;
  /**
   * Of those of the tables that are empty, from now on inserts what is loaded while more of it is being loaded, in the transaction of
   * kind APPLY; if that can be done. To be called before anything is loaded; holds writers off until the transaction has ended.
   * @param database for one connection more
   * @param tables of which all rows are restored
   */
  insertEarly(database: Database, tables: readonly TableName[]): Promise<void>;
  /**
   * Takes some of a table's rows, all of these or none; once for each part, in any order and side by side.
   * @param chunks COPY text, cut anywhere
   * @returns how many rows the server has taken, for the caller to compare with the manifest
   * @throws SCHEMA_DRIFT where the live table's types refuse a value, ARTIFACT_CORRUPT where the text is none; whatever `chunks` throws
   */
  load(table: TableName, chunks: AsyncIterable<Uint8Array>): Promise<number>;
  /** Where a table's rows are loaded. */
  placeOf(table: TableName): StagingPlace;
  /** Counts rows of the table in that another process has loaded. */
  adopt(table: TableName, rows: number): void;
  /**
   * Which of the rows have to be loaded where only those are wanted that the selectors name; undefined: all of them. `choose` takes
   * out the rest.
   * @throws BAD_INPUT as {@link choose}
   */
  filterNamed(first: TableName, selectors: readonly RowSelector[]): Promise<RowFilter | undefined>;
  /**
   * The same for a table of the entity whose rows belong to those that are there by now.
   * @param loaded tables of the entity of which everything has been loaded
   */
  filterBelonging(table: TableName, loaded: readonly TableName[]): Promise<RowFilter | undefined>;
  /** How many rows are staged, of every table. */
  readonly rows: readonly TableRows[];
  /**
   * Leaves of an entity's rows those that the selectors name, and those that belong to them. To be called once everything is
   * loaded, once for an entity.
   * @param first the entity's own table, of which the selectors speak
   * @throws ROWS_NOT_IN_BACKUP naming each selector that finds nothing; BAD_INPUT for a column that there is not, or a text that
   * its type does not read
   */
  choose(first: TableName, selectors: readonly RowSelector[]): Promise<void>;
  /**
   * Begins the transaction that compares what is staged with what is live. Of kind APPLY there may be one.
   * @throws TABLE_LOCKED, DATABASE_DENIED, SUPERSEDED
   */
  begin(kind: TransactionKind): Promise<RestoreTransaction>;
  /**
   * What a transaction of kind APPLY has committed, as a new connection finds it; one that has not committed by then never will.
   * Does not stop for the signal.
   */
  outcome(): Promise<schemas.Outcome | undefined>;
  /**
   * Drops what was staged. If a transaction has committed, the outcome stays, for whoever takes the run up again before its success
   * is written down elsewhere: `dropStaging` ends that. Never rejects: what cannot be dropped now is found by `findStaging` later.
   */
  close(): Promise<void>;
}

const LOCK_TIMEOUT_MS = 10_000;
/** For what has to be done after the caller's signal has aborted. */
const CLOSE_TIMEOUT_MS = 60_000;

/**
 * Makes the staging tables. The caller has called `takeOver`, and closes what it gets.
 * @param signal stops everything but `close` within two seconds
 * @throws TABLE_MISSING, SCHEMA_DRIFT, DATABASE_DENIED, DATABASE_UNREACHABLE
 */
export async function openStaging(
  database: Database,
  options: StagingOptions,
  signal: AbortSignal,
): Promise<Staging> {
  const schema = schemas.stagingSchema(options.runId, options.attempt);
  const session = await database.session(signal);
  try {
    const matched = await matchTables(session, schema.name, options.tables);
    refuseShortfalls(database.name, "a restore", await writingShortfalls(session, options.tables));
    await schemas.occupy(session, schema);
    await schemas.createStagingSchema(session, schema);
    const staging = new OpenStaging(database, options, signal, schema, matched, session);
    try {
      await createStagingTables(session, matched.tables);
    } catch (error) {
      await staging.close();
      throw error;
    }
    return staging;
  } catch (error) {
    await session.close();
    throw error;
  }
}

const placeOf = ({ staging, columns }: RestoredTable): StagingPlace => ({ table: staging, columns });

class OpenStaging implements Staging {
  readonly loadConcurrency: number;
  readonly #database: Database;
  readonly #signal: AbortSignal;
  readonly #context: RestoreContext;
  readonly #stagedRows = new Map<RestoredTable, number>();
  readonly #idle: Session[];
  #early: EarlyInserts | undefined;

  constructor(
    database: Database,
    options: StagingOptions,
    signal: AbortSignal,
    schema: schemas.StagingSchema,
    matched: MatchedTables,
    session: Session,
  ) {
    this.#database = database;
    this.#signal = signal;
    this.#idle = [session];
    this.loadConcurrency = Math.max(1, Math.min(database.maxConnections, availableParallelism()));
    this.#context = {
      schema,
      matched,
      stagedRows: this.#stagedRows,
      catalog: options.catalog,
      lockTimeoutMs: options.lockTimeoutMs ?? LOCK_TIMEOUT_MS,
    };
  }

  async insertEarly(database: Database, tables: readonly TableName[]): Promise<void> {
    const session = await database.session(this.#signal).catch(() => undefined);
    if (session === undefined) return;
    const targets = tables.map((table) => this.#staged(table));
    this.#early = await EarlyInserts.begin(session, this.#context.schema, targets);
  }

  async load(table: TableName, chunks: AsyncIterable<Uint8Array>): Promise<number> {
    const target = this.#staged(table);
    const early = this.#early;
    if (early?.has(target) !== true) {
      const rows = await this.#withSession((session) => stageRows(session, table, placeOf(target), chunks));
      this.#count(target, rows);
      return rows;
    }
    const part = await this.#withSession((session) => stagePart(session, table, placeOf(target), chunks));
    this.#count(target, part.rows);
    await early.note(target, part);
    return part.rows;
  }

  placeOf(table: TableName): StagingPlace {
    return placeOf(this.#staged(table));
  }

  adopt(table: TableName, rows: number): void {
    this.#count(this.#staged(table), rows);
  }

  #count(target: RestoredTable, rows: number): void {
    this.#stagedRows.set(target, (this.#stagedRows.get(target) ?? 0) + rows);
  }

  get rows(): readonly TableRows[] {
    return this.#context.matched.tables.map((table) => ({
      entity: table.entity,
      table: tableLabel(table.backup),
      rows: this.#stagedRows.get(table) ?? 0,
    }));
  }

  async filterNamed(first: TableName, selectors: readonly RowSelector[]): Promise<RowFilter | undefined> {
    return this.#withSession((session) => filterNamed(session, { first: this.#staged(first), selectors }));
  }

  async filterBelonging(table: TableName, loaded: readonly TableName[]): Promise<RowFilter | undefined> {
    const child = this.#staged(table);
    const entity = this.#context.matched.tables.filter((other) => other.entity === child.entity);
    const there = new Set(loaded.map((name) => this.#staged(name)));
    return this.#withSession((session) => filterBelonging(session, child, entity, there));
  }

  async choose(first: TableName, selectors: readonly RowSelector[]): Promise<void> {
    const target = this.#staged(first);
    const { matched } = this.#context;
    const counts = await this.#withSession(async (session) => {
      const others = matched.tables.filter(
        ({ entity, number }) => entity === target.entity && number !== target.number,
      );
      for (const table of [target, ...others]) await session.query(sql`ANALYZE ${stagingOf(table)}`);
      return chooseRows(session, { first: target, others, selectors, foreignKeys: matched.foreignKeys });
    });
    for (const [table, rows] of counts) {
      this.#stagedRows.set(table, rows);
    }
  }

  async begin(kind: TransactionKind): Promise<RestoreTransaction> {
    const early = kind === "APPLY" ? await this.#finishEarly() : undefined;
    const session = early?.session ?? (await this.#take());
    const release = (done: Session): void => void this.#idle.push(done);
    const transaction = new RestoreTransaction(session, this.#context, release, early);
    await transaction.begin(kind);
    return transaction;
  }

  async #finishEarly(): Promise<EarlyInserts | undefined> {
    const early = this.#early;
    this.#early = undefined;
    const finished = await early?.finish(this.#stagedRows, locksOf(this.#context.matched));
    return finished === true ? early : undefined;
  }

  async outcome(): Promise<schemas.Outcome | undefined> {
    await using session = await this.#database.session(AbortSignal.timeout(CLOSE_TIMEOUT_MS));
    return await schemas.settle(session, this.#context.schema);
  }

  async close(): Promise<void> {
    await this.#early?.session.close();
    await Promise.all(this.#idle.splice(0).map((session) => session.close()));
    const { schema } = this.#context;
    try {
      await using session = await this.#database.session(AbortSignal.timeout(CLOSE_TIMEOUT_MS));
      await schemas.clearStaging(session, schema);
    } catch {
      // The database may be out of reach, which is why we are here; the error that led here is the one to tell.
    }
  }

  #staged(table: TableName): RestoredTable {
    const target = this.#context.matched.tables.find(
      ({ live }) => live.schema === table.schema && live.name === table.name,
    );
    if (target === undefined) throw new Error(`${tableLabel(table)} is not staged`);
    return target;
  }

  async #take(): Promise<Session> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const session = await this.#database.session(this.#signal);
    try {
      await schemas.occupy(session, this.#context.schema);
      return session;
    } catch (error) {
      await session.close();
      throw error;
    }
  }

  /** Sessions are kept for the next call, unless one has failed in them. */
  async #withSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#take();
    try {
      const result = await work(session);
      this.#idle.push(session);
      return result;
    } catch (error) {
      await session.close();
      throw schemas.supersededError(this.#context.schema, error);
    }
  }
}
