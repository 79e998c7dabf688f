// A restore of one or several databases: every step is done in all of them before the next one is begun in any, so that
// whatever stands in the way anywhere is found while nothing has been changed. Then they commit, one after another.
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import type { RestoreMode, RowSample } from "../core/run.ts";
import type { TableRows } from "../core/table-progress.ts";
import { planOf, type ComparedTable } from "./compare.ts";
import type { Foresight } from "./foresight.ts";
import type { OnRows, RestoreTransaction, TransactionKind } from "./restore-transaction.ts";
import type { Outcome, RestoreResult } from "./staging-schema.ts";
import type { Staging } from "./staging.ts";

/** A database's part of a restore: what is staged in it, or what an earlier attempt has come to commit there. */
export type RestoreShare =
  | { readonly database: string; readonly staging: Staging }
  | { readonly database: string; readonly applied: Outcome };

export interface RestoreRequest {
  readonly mode: RestoreMode;
  /** What is restored, for the plan: the backup's identity and whatever was chosen from it. */
  readonly subject: string;
  /** The plan of a preview; anything else is refused with PLAN_CHANGED. */
  readonly expectPlan?: string | undefined;
  /** Rows are staged ones while comparing, and those that are to be changed while applying. */
  readonly onPhase?: (phase: "comparing" | "applying", rows: readonly TableRows[]) => void;
  readonly onRows?: OnRows;
  /** Left out: nothing is asked. */
  readonly foresight?: Foresight | undefined;
}

export interface PreviewRequest extends RestoreRequest {
  /** How many rows of each table and kind the changes are to show; left out: none. */
  readonly sampleRows?: number | undefined;
}

/**
 * Finds out what a restore would do, and whether it could. Takes no lock that anybody would notice and leaves nothing behind.
 * @param shares in an order that depends on nothing but the databases' names
 * @throws as {@link applyRestore}, but for what only the databases' own checks find
 */
export async function previewRestore(
  shares: readonly RestoreShare[],
  request: PreviewRequest,
): Promise<RestoreResult> {
  const open = new Map<string, RestoreTransaction>();
  try {
    const compared = await compareAll(shares, request, "PREVIEW", open);
    for (const transaction of open.values()) await transaction.check();
    await foresee(open, request.foresight);
    if (request.sampleRows === undefined) return compared.result;
    const samples: RowSample[][] = [];
    for (const transaction of open.values()) samples.push(...(await transaction.samples(request.sampleRows)));
    const changes = compared.result.changes.map((table, place) => ({
      ...table,
      samples: samples[place] ?? [],
    }));
    return { ...compared.result, changes };
  } finally {
    for (const transaction of open.values()) await transaction.rollback();
  }
}

export interface ApplyRequest extends RestoreRequest {
  /** Called when nothing but the commits is left to do; what it throws ends the restore, and nothing is changed. */
  readonly beforeCommit?: () => void;
}

/**
 * Does all of it, or nothing. Only between the commits of two databases is there a moment at which one of them is changed and
 * the other is not: what ends the process then is made good by calling this again with what the first one holds as `applied`.
 * @param shares as for {@link previewRestore}
 * @throws PLAN_CHANGED, MISSING_REFERENCES, STILL_REFERENCED, UNIQUE_CONFLICT, SCHEMA_DRIFT, TABLE_LOCKED, CONSTRAINT_VIOLATED,
 * DATABASE_DENIED, SUPERSEDED; PARTIALLY_APPLIED where another database has been changed already; OUTCOME_UNKNOWN where one has
 * gone away at its commit
 */
export async function applyRestore(
  shares: readonly RestoreShare[],
  request: ApplyRequest,
): Promise<RestoreResult> {
  const open = new Map<string, RestoreTransaction>();
  const committed = shares.flatMap((share) => ("applied" in share ? [share.database] : []));
  try {
    const { result, byDatabase } = await compareAll(shares, request, "APPLY", open);
    for (const transaction of open.values()) await transaction.check();
    await foresee(open, request.foresight);
    const changed = [...open.values()].flatMap(({ changedRows }) => changedRows);
    if (changed.length > 0) request.onPhase?.("applying", changed);
    for (const [database, transaction] of open) {
      const outcome = { plan: result.plan, tables: byDatabase.get(database) ?? [] };
      await transaction.write(outcome, request.onRows ?? ignore);
    }
    request.beforeCommit?.();
    for (const share of shares) {
      if ("applied" in share) continue;
      const transaction = open.get(share.database);
      open.delete(share.database);
      if (transaction !== undefined) await commit(transaction, share.staging);
      committed.push(share.database);
    }
    return result;
  } catch (error) {
    for (const transaction of open.values()) await transaction.rollback();
    const rest = shares.map(({ database }) => database).filter((database) => !committed.includes(database));
    throw committed.length === 0 || isHoldfastError(error, "SUPERSEDED")
      ? error
      : partiallyApplied(committed, rest, error);
  }
}

async function foresee(
  open: ReadonlyMap<string, RestoreTransaction>,
  foresight: Foresight | undefined,
): Promise<void> {
  if (foresight !== undefined) await open.get(foresight.database)?.foresee(foresight);
}

const ignore: OnRows = () => undefined;

async function compareAll(
  shares: readonly RestoreShare[],
  request: RestoreRequest,
  kind: TransactionKind,
  open: Map<string, RestoreTransaction>,
): Promise<{ result: RestoreResult; byDatabase: ReadonlyMap<string, readonly ComparedTable[]> }> {
  const staged = shares.flatMap((share) => ("staging" in share ? [share] : []));
  request.onPhase?.(
    "comparing",
    staged.flatMap(({ staging }) => staging.rows),
  );
  for (const { database, staging } of staged) open.set(database, await staging.begin(kind));
  const byDatabase = new Map<string, readonly ComparedTable[]>();
  for (const share of shares) {
    const compared =
      "applied" in share
        ? share.applied.tables
        : await open.get(share.database)?.compare(request.mode, request.onRows ?? ignore);
    byDatabase.set(share.database, compared ?? []);
  }
  const tables = [...byDatabase.values()].flat();
  const plan = planOf(request.subject, request.mode, tables);
  if (request.expectPlan !== undefined && request.expectPlan !== plan) {
    throw new HoldfastError(
      "PLAN_CHANGED",
      "The restore would not do what the preview showed. Nothing was changed.",
      { details: { expected: request.expectPlan, found: plan } },
    );
  }
  return { result: { changes: tables.map(({ changes }) => changes), plan }, byDatabase };
}

/** An answer that did not come is no answer: the database is asked again, on another connection, what it has. */
async function commit(transaction: RestoreTransaction, staging: Staging): Promise<void> {
  try {
    await transaction.commit();
  } catch (error) {
    const outcome = await staging.outcome().catch(() => {
      throw new HoldfastError(
        "OUTCOME_UNKNOWN",
        "The database went away while the restore was committed: whether it was applied is not known.",
        { cause: error },
      );
    });
    if (outcome === undefined) throw error;
  }
}

function partiallyApplied(
  applied: readonly string[],
  missing: readonly string[],
  cause: unknown,
): HoldfastError {
  const reason =
    cause instanceof Error ? `: ${cause.message.replaceAll(/ ?Nothing was changed[.:] ?/g, "")}` : ".";
  return new HoldfastError(
    "PARTIALLY_APPLIED",
    `The restore has been applied in ${applied.join(" and ")}, and not yet in ${missing.join(" and ")}${reason}`,
    {
      cause,
      details: { applied, missing },
      ...(isHoldfastError(cause) &&
        !cause.retryable && {
          hint: `${cause.hint} Then restore the same once more: what is applied already is the same then.`,
        }),
    },
  );
}
