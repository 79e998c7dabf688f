// The transaction of a restore in one database, from staged rows to COMMIT; and the preview, which is its first half on a
// snapshot. restore-everywhere.ts leads those of all databases through their steps together.
import { tableLabel } from "../core/catalog.ts";
import type { RestoreMode, RowSample } from "../core/run.ts";
import type { TableRows } from "../core/table-progress.ts";
import { applyDiffs, checkInsertable } from "./apply.ts";
import { comparedTable, compareTable, type ComparedTable } from "./compare.ts";
import { beginApplying, beginPreview, setLockTimeout } from "./begin-restore.ts";
import { checkConstraints } from "./checks.ts";
import { checkConflicts } from "./conflicts.ts";
import { countOf, type Action, type TableDiff } from "./diff.ts";
import { schemaDrift } from "./drift.ts";
import type { EarlyInserts } from "./early-inserts.ts";
import { askOf, type Foresight } from "./foresight.ts";
import { suspendForeignKeys, type ForeignKey } from "./foreign-keys.ts";
import { lockTables } from "./locks.ts";
import { locksOf } from "./restore-locks.ts";
import { matchTables, type MatchedTables } from "./match-tables.ts";
import { checkReferences, needsDatabase, type TableOwners } from "./references.ts";
import type { RestoredTable } from "./restored-table.ts";
import { sampleRows } from "./samples.ts";
import { advanceSequences } from "./sequences.ts";
import type { Session } from "./session.ts";
import { recordOutcome, supersededError, type StagingSchema } from "./staging-schema.ts";
import { disableTriggers, quieten, type Quiet } from "./triggers.ts";

/** What has been staged, and where. */
export interface RestoreContext {
  readonly schema: StagingSchema;
  readonly matched: MatchedTables;
  readonly stagedRows: ReadonlyMap<RestoredTable, number>;
  readonly catalog: TableOwners;
  readonly lockTimeoutMs: number;
}

/** Told of rows as they are compared, and as they are changed. */
export type OnRows = (of: TableRows) => void;

/** PREVIEW takes no lock that anybody would notice and can be compared and checked; APPLY holds writers off. */
export type TransactionKind = "PREVIEW" | "APPLY";

/**
 * The steps of one database, each to be called once and in the order in which they stand here. A step that throws has rolled
 * the transaction back; whoever calls the steps rolls back, or commits, what has not thrown.
 */
export class RestoreTransaction {
  readonly #session: Session;
  readonly #context: RestoreContext;
  readonly #release: (session: Session) => void;
  readonly #early: EarlyInserts | undefined;
  #diffs: readonly TableDiff[] = [];

  /**
   * @param release takes the session back when the transaction has ended well
   * @param early what the session's transaction has inserted already, with all tables locked; left out: it has not begun
   */
  constructor(
    session: Session,
    context: RestoreContext,
    release: (session: Session) => void,
    early?: EarlyInserts,
  ) {
    this.#session = session;
    this.#context = context;
    this.#release = release;
    this.#early = early;
  }

  /** @throws TABLE_LOCKED, DATABASE_DENIED, SUPERSEDED */
  begin(kind: TransactionKind): Promise<void> {
    const session = this.#session;
    const { schema, matched, lockTimeoutMs } = this.#context;
    return this.#step(async () => {
      if (kind === "PREVIEW") return beginPreview(session);
      if (this.#early === undefined) {
        await beginApplying(session, schema, lockTimeoutMs);
        await lockTables(session, locksOf(matched));
      } else await setLockTimeout(session, lockTimeoutMs);
    });
  }

  /** @throws SCHEMA_DRIFT where tables were altered since they were staged */
  compare(mode: RestoreMode, onRows: OnRows): Promise<readonly ComparedTable[]> {
    const { matched, stagedRows } = this.#context;
    return this.#step(async () => {
      await checkUnaltered(this.#session, this.#context);
      const diffs: TableDiff[] = [];
      for (const table of matched.tables) {
        const staged = stagedRows.get(table) ?? 0;
        diffs.push(await compareTable(this.#session, table, mode, staged, this.#early?.has(table) === true));
        onRows(rowsOf(table, staged));
      }
      this.#diffs = diffs;
      return diffs.map(comparedTable);
    });
  }

  /** A few rows of each kind, for each of the compared tables. */
  samples(rowsPerKind: number): Promise<RowSample[][]> {
    return this.#step(async () => {
      const samples: RowSample[][] = [];
      for (const diff of this.#diffs) samples.push(await sampleRows(this.#session, diff, rowsPerKind));
      return samples;
    });
  }

  /** @throws what the foresight throws when it considers the answer */
  foresee(foresight: Foresight): Promise<void> {
    return this.#step(async () => {
      const question = askOf(foresight, this.#diffs);
      if (question !== undefined) foresight.consider(await this.#session.rows(question));
    });
  }

  /** How many rows `write` is going to touch, of the tables that it does. */
  get changedRows(): readonly TableRows[] {
    return this.#diffs
      .filter(({ early }) => !early)
      .map((diff) => rowsOf(diff.table, changedRows(diff)))
      .filter(({ rows }) => rows > 0);
  }

  /** @throws MISSING_REFERENCES, STILL_REFERENCED, UNIQUE_CONFLICT, CONSTRAINT_VIOLATED, SCHEMA_DRIFT: all that can be found without touching a row */
  check(): Promise<void> {
    const { matched, catalog } = this.#context;
    return this.#step(async () => {
      // Of rows that are in the table already the database has checked everything but what they refer to.
      const unwritten = this.#diffs.filter(({ early }) => !early);
      checkInsertable(unwritten);
      const { foreignKeys } = matched;
      await checkReferences(this.#session, { diffs: this.#diffs, foreignKeys, catalog });
      await checkConflicts(this.#session, unwritten);
      await checkConstraints(this.#session, unwritten);
    });
  }

  /**
   * Changes the rows, and writes the outcome beside them. What the database would look at only at COMMIT it looks at now.
   * @throws what only the database's own checks find: CONSTRAINT_VIOLATED, UNIQUE_CONFLICT, DATABASE_DENIED
   */
  write(outcome: Parameters<typeof recordOutcome>[2], onRows: OnRows): Promise<void> {
    const { matched, schema } = this.#context;
    return this.#step(async () => {
      await writeDiffs(this.#session, matched, this.#diffs, onRows);
      await this.#early?.enableTriggers();
      await recordOutcome(this.#session, schema, outcome);
      await this.#session.query("SET CONSTRAINTS ALL IMMEDIATE");
    });
  }

  /** @throws whatever ends a connection: then only the database knows whether it was committed */
  async commit(): Promise<void> {
    await this.#step(() => this.#session.commit());
    this.#release(this.#session);
  }

  /** Never rejects. */
  async rollback(): Promise<void> {
    try {
      await this.#session.rollback();
      this.#release(this.#session);
    } catch {
      await this.#session.close();
    }
  }

  /** After an error the session is not kept: what state it is in is not worth finding out. */
  async #step<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.#session.rollback().catch(() => undefined);
      await this.#session.close();
      throw supersededError(this.#context.schema, error);
    }
  }
}

function rowsOf({ entity, backup }: RestoredTable, rows: number): TableRows {
  return { entity, table: tableLabel(backup), rows };
}

/** What was read of the tables before they were staged must still hold now that they cannot change any more. */
async function checkUnaltered(session: Session, { matched, schema }: RestoreContext): Promise<void> {
  const backups = matched.tables.map((table) => table.backup);
  const now = await matchTables(session, schema.name, backups);
  if (outline(now) === outline(matched)) return;
  throw schemaDrift(["tables were altered while the restore was under way; it can be started again"]);
}

/** All that the restore relies on. */
function outline({ tables, foreignKeys }: MatchedTables): string {
  return JSON.stringify([
    tables.map(({ live, rivals, checks, computed }) => [
      [live.oid, live.kind, live.columns],
      [rivals, checks, computed],
    ]),
    foreignKeys,
  ]);
}

async function writeDiffs(
  session: Session,
  matched: MatchedTables,
  diffs: readonly TableDiff[],
  onRows: OnRows,
): Promise<void> {
  const changed = diffs.filter((diff) => changedRows(diff) > 0);
  if (changed.length > 0) {
    const quiet = await quieten(session);
    const oids = changed.map(({ table }) => table.live.oid);
    const enableTriggers = await disableTriggers(session, quiet, oids);
    const resumeForeignKeys = await suspendForeignKeys(session, keysToSuspend(matched, changed, quiet));
    const unwritten = changed.filter(({ early }) => !early);
    await applyDiffs(session, unwritten, (table, touched) => onRows(rowsOf(table, touched)));
    await resumeForeignKeys();
    await enableTriggers();
  }
  for (const diff of diffs) await advanceSequences(session, diff.table, countOf(diff, WRITTEN) > 0);
}

const WRITTEN: readonly Action[] = ["i", "u", "r"];

/** A row that is deleted and inserted again is touched twice. */
const changedRows = (diff: TableDiff): number => countOf(diff, ["i", "u", "d", "r", "r"]);

/**
 * Foreign keys that would fire, or that only the database can check: those of tables that get rows, and those that refer to tables
 * that lose some.
 */
function keysToSuspend(
  { foreignKeys, tables }: MatchedTables,
  changed: readonly TableDiff[],
  quiet: Quiet,
): ForeignKey[] {
  const restored = new Map(tables.map((table) => [table.live.oid, table]));
  const gains = new Set(changed.filter((diff) => countOf(diff, WRITTEN) > 0).map(oidOf));
  const loses = new Set(changed.filter((diff) => countOf(diff, ["d", "r"]) > 0).map(oidOf));
  const keys = new Set([
    ...foreignKeys.outgoing.filter((key) => gains.has(key.from.oid)),
    ...foreignKeys.incoming.filter((key) => loses.has(key.to.oid)),
  ]);
  return [...keys].filter((key) => quiet === "DISABLED" || needsDatabase(key, restored));
}

const oidOf = ({ table }: TableDiff): number => table.live.oid;
