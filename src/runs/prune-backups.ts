// Prunes backups: what a retention policy does not keep is deleted, or would be.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { MANAGE_BACKUPS } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import {
  checkRetention,
  decideRetention,
  type Retention,
  type RetentionCandidate,
  type RetentionDecision,
} from "../core/retention.ts";
import { findUses, lockArtifacts } from "../ledger/artifact-uses.ts";
import type { Artifact } from "../ledger/artifacts.ts";
import { requestDeletions } from "../ledger/deletions.ts";
import type { Ledger } from "../ledger/connect.ts";
import type { BackupRun } from "../ledger/run-row.ts";
import {
  findSchedule,
  listKeptBackups,
  listSchedules,
  listUnretained,
  noteRetained,
} from "../ledger/schedules.ts";
import { mayAccess, requireAccess } from "./access.ts";
import { deleteObjects, nameUse } from "./delete-backup.ts";
import type { RunDeps } from "./deps.ts";
import { findVisibleSchedule } from "./schedules.ts";
import { withArtifacts, type Backup } from "./visible.ts";

export interface PruneInput {
  /** Left out: every schedule by itself, and what is of no schedule by what it holds. */
  readonly scheduleId?: string | undefined;
  readonly retention: Readonly<Partial<Record<keyof Retention, number | null | undefined>>>;
  /** Decides, and changes nothing. */
  readonly dryRun: boolean;
}

export interface PruneDecision {
  readonly backup: Backup;
  readonly reasons: readonly string[];
}

/** Series by series, each from the newest to the oldest. */
export interface PruneResult {
  readonly kept: readonly PruneDecision[];
  readonly deleted: readonly PruneDecision[];
}

/**
 * Applies a policy to the backups that the caller may see. A series of which he may not see everything is left alone.
 * @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS, and without READ of everything in the schedule's backups; NOT_FOUND
 * for a schedule that the caller may not see; BAD_INPUT for a policy that keeps nothing
 */
export async function pruneBackups(
  deps: RunDeps,
  caller: Caller,
  input: PruneInput,
  origin: Origin = {},
): Promise<PruneResult> {
  requirePermissions(caller, [MANAGE_BACKUPS]);
  const { scheduleId, dryRun } = input;
  const retention = checkRetention(input.retention);
  if (scheduleId !== undefined && (await findVisibleSchedule(deps, caller, scheduleId)) === undefined)
    throw new HoldfastError("NOT_FOUND", `There is no schedule ${scheduleId}.`);
  const mayPrune = (members: readonly Candidate[]): boolean => {
    const entities = members.flatMap(({ run }) => run.entities);
    if (scheduleId !== undefined) requireAccess(deps.catalog, caller, entities, "READ");
    return mayAccess(deps.catalog, caller, entities, "READ");
  };
  const by = { actor: caller.username, address: origin.address };
  const decisions = await deps.ledger.db.transaction((tx) =>
    prune(tx, { scheduleId, retention, dryRun }, mayPrune, by),
  );
  if (!dryRun) await deleteObjects(deps);
  return describe(deps, decisions);
}

export type RetentionDeps = Pick<RunDeps, "ledger" | "carryOutDeletions" | "log">;

/** Applies a schedule's own policy, as after each of its backups. A schedule that has none or is gone keeps everything. */
export async function applyRetention(deps: RetentionDeps, scheduleId: string): Promise<void> {
  const schedule = await findSchedule(deps.ledger.db, scheduleId);
  const retention = schedule?.retention;
  if (!retention) return;
  const decisions = await deps.ledger.db.transaction(async (tx) => {
    await noteRetained(tx, scheduleId);
    return prune(tx, { scheduleId, retention, dryRun: false }, () => true, { actor: null });
  });
  const deleted = decisions.filter(({ keep }) => !keep).length;
  if (deleted > 0) deps.log.info({ schedule: schedule.name, deleted }, "backups were pruned");
  await deleteObjects(deps);
}

/** Applies the policies that were not applied after a backup, because the process that was to do so has died. */
export async function settleRetention(deps: RetentionDeps): Promise<void> {
  for (const scheduleId of await listUnretained(deps.ledger.db)) await applyRetention(deps, scheduleId);
}

interface Candidate extends RetentionCandidate {
  readonly run: BackupRun;
  readonly artifact: Artifact;
}
type Transaction = Parameters<Parameters<Ledger["db"]["transaction"]>[0]>[0];
type Decision = RetentionDecision<Candidate>;

/** Decides and marks what goes in the transaction: nobody pins, reads or deletes any of it in between. */
async function prune(
  tx: Transaction,
  { scheduleId, retention, dryRun }: Omit<PruneInput, "retention"> & { readonly retention: Retention },
  mayPrune: (members: readonly Candidate[]) => boolean,
  by: { readonly actor: string | null; readonly address?: string | null | undefined },
): Promise<Decision[]> {
  const zones = new Map((await listSchedules(tx)).map(({ id, timeZone }) => [id, timeZone]));
  const candidates = await listCandidates(tx, scheduleId, { lock: !dryRun });
  const allowed = [...Map.groupBy(candidates, ({ series }) => series).values()].filter(mayPrune).flat();
  const decisions = decideRetention(allowed, retention, (series) => zones.get(series) ?? "UTC");
  const unwanted = decisions.filter(({ keep }) => !keep).map(({ candidate }) => candidate.artifact);
  const uses = await findUses(tx, unwanted);
  const final = decisions.map((decision) => {
    const use = uses.get(decision.candidate.id);
    return use === undefined ? decision : { ...decision, keep: true, reasons: [`in use by ${nameUse(use)}`] };
  });
  if (dryRun) return final;
  const going = final.filter(({ keep }) => !keep);
  await requestDeletions(
    tx,
    going.map(({ candidate }) => candidate.artifact),
    by.actor,
  );
  for (const { candidate, reasons } of going) {
    await recordAudit(tx, {
      ...by,
      action: "backup.deleted",
      target: `backup:${candidate.id}`,
      details: { retention, reasons },
    });
  }
  return final;
}

/** @param options.lock so that what is decided on is still true when it is done */
async function listCandidates(
  tx: Transaction,
  scheduleId: string | undefined,
  { lock }: { readonly lock: boolean },
): Promise<Candidate[]> {
  const kept = await listKeptBackups(tx, scheduleId);
  const runs = new Map(kept.map(({ run }) => [run.id, run]));
  const artifacts = lock ? await lockArtifacts(tx, [...runs.keys()]) : kept.map(({ artifact }) => artifact);
  return artifacts.flatMap((artifact) => {
    const run = runs.get(artifact.runId);
    if (run === undefined) return [];
    const { id, createdAt, status } = run;
    return [{ id, createdAt, status, pinned: artifact.pinned, series: seriesOf(run), run, artifact }];
  });
}

/** Backups that somebody started are kept apart by what they hold: one of users says nothing about one of everything. */
function seriesOf({ scheduleId, entities }: BackupRun): string {
  return scheduleId ?? `of ${entities.toSorted().join(" ")}`;
}

async function describe(deps: RunDeps, decisions: readonly Decision[]): Promise<PruneResult> {
  const backups = await withArtifacts(
    deps,
    decisions.map(({ candidate }) => candidate.run),
  );
  const described = decisions.flatMap(({ keep, reasons }, index) => {
    const backup = backups[index];
    return backup === undefined ? [] : [{ keep, backup, reasons }];
  });
  return {
    kept: described.filter(({ keep }) => keep),
    deleted: described.filter(({ keep }) => !keep),
  };
}
