// The transaction of a restore, from staged rows to COMMIT; and the preview, which is its first half on a snapshot.
import { HoldfastError } from "../core/errors.ts";
import type { TableName } from "../core/catalog.ts";
import type { RestoreMode } from "../core/run.ts";
import { applyDiffs, checkInsertable } from "./apply.ts";
import { changesOf, compareTable, planOf } from "./compare.ts";
import { checkConflicts } from "./conflicts.ts";
import { countOf, type Action, type TableDiff } from "./diff.ts";
import { schemaDrift } from "./drift.ts";
import { suspendForeignKeys, type ForeignKey } from "./foreign-keys.ts";
import { lockTables, type TableLock } from "./locks.ts";
import { matchTables, type MatchedTables } from "./match-tables.ts";
import { checkReferences, needsDatabase } from "./references.ts";
import type { RestoredTable } from "./restored-table.ts";
import { advanceSequences } from "./sequences.ts";
import type { Session } from "./session.ts";
import { holdOutcome, recordOutcome, type RestoreResult, type StagingSchema } from "./staging-schema.ts";
import { disableTriggers, quieten, type Quiet } from "./triggers.ts";

export interface RestoreRequest {
  readonly mode: RestoreMode;
  /** What is restored, for the plan: the backup's identity and whatever was chosen from it. */
  readonly subject: string;
  readonly onProgress?: (progress: RestoreProgress) => void;
}

/** Rows are staged ones while comparing, and those that are to be changed while applying. */
export interface RestoreProgress {
  readonly phase: "comparing" | "applying";
  readonly entity: string;
  readonly rows: number;
  readonly rowsTotal: number;
}

/** What has been staged, and where. */
export interface RestoreContext {
  readonly schema: StagingSchema;
  readonly matched: MatchedTables;
  readonly stagedRows: ReadonlyMap<RestoredTable, number>;
  readonly entityOf: (table: TableName) => string | undefined;
  readonly lockTimeoutMs: number;
}

/**
 * The joins of a comparison are hashed in memory; JIT costs more than it saves on few large statements. The server has nothing else
 * to do for us meanwhile, but the planner does not know that hardly a row comes out of the joins, and would not share them among
 * workers.
 */
const SETTINGS = [
  "SET LOCAL work_mem = '256MB'",
  "SET LOCAL hash_mem_multiplier = 1",
  "SET LOCAL jit = off",
  "SET LOCAL parallel_tuple_cost = 0",
  "SET LOCAL parallel_setup_cost = 100",
].join("; ");

/**
 * Finds out what a restore would do, and whether it could. Takes no lock that anybody would notice and leaves nothing behind.
 * @throws as {@link applyRestore}, but for what only the database's own checks find
 */
export async function previewRestore(
  session: Session,
  context: RestoreContext,
  request: RestoreRequest,
): Promise<RestoreResult> {
  await session.begin("ISOLATION LEVEL REPEATABLE READ, READ WRITE");
  try {
    await session.query(SETTINGS);
    const { result } = await compareAndCheck(session, context, request);
    await session.rollback();
    return result;
  } catch (error) {
    await session.rollback().catch(() => session.close());
    throw error;
  }
}

/**
 * Does all of it, or nothing.
 * @param expectPlan the plan of a preview: what differs from it is refused
 * @throws PLAN_CHANGED, MISSING_REFERENCES, STILL_REFERENCED, UNIQUE_CONFLICT, SCHEMA_DRIFT, TABLE_LOCKED, CONSTRAINT_VIOLATED,
 * DATABASE_DENIED, SUPERSEDED
 */
export async function applyRestore(
  session: Session,
  context: RestoreContext,
  request: RestoreRequest & { readonly expectPlan?: string | undefined },
): Promise<RestoreResult> {
  return session.transaction(async () => {
    await session.query(SETTINGS);
    await session.query(`SET LOCAL lock_timeout = ${context.lockTimeoutMs}`);
    await holdOutcome(session, context.schema);
    await lockTables(session, locksOf(context.matched));
    const { diffs, result } = await compareAndCheck(session, context, request);
    await writeDiffs(session, context, diffs, request);
    await recordOutcome(session, context.schema, result);
    return result;
  }, "ISOLATION LEVEL READ COMMITTED, READ WRITE");
}

/** Writers wait for us, readers do not; nor may anybody change what foreign keys refer to or from. */
function locksOf({ tables, foreignKeys }: MatchedTables): TableLock[] {
  const neighbours = [
    ...foreignKeys.outgoing.map((key): TableLock => ({ ...key.to, mode: "SHARE" })),
    ...foreignKeys.incoming.map((key): TableLock => ({ ...key.from, mode: "SHARE" })),
  ];
  const own = tables.map(({ live }): TableLock => ({
    schema: live.schema,
    name: live.name,
    partitioned: live.kind === "PARTITIONED",
    mode: "SHARE ROW EXCLUSIVE",
  }));
  return [...own, ...neighbours];
}

async function compareAndCheck(
  session: Session,
  context: RestoreContext,
  request: RestoreRequest & { readonly expectPlan?: string | undefined },
): Promise<{ diffs: TableDiff[]; result: RestoreResult }> {
  await checkUnaltered(session, context);
  const diffs: TableDiff[] = [];
  const rowsTotal = context.stagedRows.values().reduce((sum, rows) => sum + rows, 0);
  let rows = 0;
  for (const table of context.matched.tables) {
    request.onProgress?.({ phase: "comparing", entity: table.entity, rows, rowsTotal });
    const staged = context.stagedRows.get(table) ?? 0;
    diffs.push(await compareTable(session, table, request.mode, staged));
    rows += staged;
    request.onProgress?.({ phase: "comparing", entity: table.entity, rows, rowsTotal });
  }
  const result = { changes: diffs.map(changesOf), plan: planOf(request.subject, request.mode, diffs) };
  if (request.expectPlan !== undefined && request.expectPlan !== result.plan) {
    throw new HoldfastError(
      "PLAN_CHANGED",
      "The restore would not do what the preview showed. Nothing was changed.",
      {
        details: { expected: request.expectPlan, found: result.plan },
      },
    );
  }
  checkInsertable(diffs);
  await checkReferences(session, {
    diffs,
    foreignKeys: context.matched.foreignKeys,
    entityOf: context.entityOf,
  });
  await checkConflicts(session, diffs);
  return { diffs, result };
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
    tables.map(({ live, rivals, computed }) => [live.oid, live.kind, live.columns, rivals, computed]),
    foreignKeys,
  ]);
}

async function writeDiffs(
  session: Session,
  { matched }: RestoreContext,
  diffs: readonly TableDiff[],
  { onProgress }: RestoreRequest,
): Promise<void> {
  const changed = diffs.filter((diff) => changedRows(diff) > 0);
  if (changed.length > 0) {
    const quiet = await quieten(session);
    const oids = changed.map(({ table }) => table.live.oid);
    const enableTriggers = await disableTriggers(session, quiet, oids);
    const resumeForeignKeys = await suspendForeignKeys(session, keysToSuspend(matched, changed, quiet));
    const rowsTotal = changed.reduce((sum, diff) => sum + changedRows(diff), 0);
    let rows = 0;
    await applyDiffs(session, changed, (table, touched) => {
      rows += touched;
      onProgress?.({ phase: "applying", entity: table.entity, rows, rowsTotal });
    });
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
