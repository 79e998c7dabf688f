// Pins and deletes backups for a caller.
import { setTimeout as delay } from "node:timers/promises";
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { MANAGE_BACKUPS } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { isFinal } from "../core/run.ts";
import { findUses, lockArtifacts, requireUnclaimed, type ArtifactUse } from "../ledger/artifact-uses.ts";
import { setPinned } from "../ledger/artifacts.ts";
import { requestDeletions } from "../ledger/deletions.ts";
import type { BackupRun } from "../ledger/run-row.ts";
import type { RunDeps } from "./deps.ts";
import { requireVisible, withArtifact, type Backup } from "./visible.ts";

/** For so long an answer waits for the stores. What takes longer is done after it. */
const PATIENCE_MS = 10_000;

/**
 * Deletes a backup: from the answer on nothing restores, downloads or verifies it, and its objects are gone from the
 * stores, or will be as soon as these can be reached. Its run stays as history. Deleting it again changes nothing.
 * @throws HoldfastError NOT_FOUND, FORBIDDEN without MANAGE_BACKUPS, NOT_READY before it has SUCCEEDED, BACKUP_PINNED,
 *   BACKUP_IN_USE while something reads it
 */
export async function deleteBackup(
  deps: RunDeps,
  caller: Caller,
  id: string,
  origin: Origin = {},
): Promise<Backup> {
  const run = await requireManaged(deps, caller, id);
  await deps.ledger.db.transaction(async (tx) => {
    await requireUnclaimed(tx, [run.id]);
    const [artifact] = await lockArtifacts(tx, [run.id]);
    if (artifact === undefined) return;
    if (artifact.pinned) throw new HoldfastError("BACKUP_PINNED", `The backup ${id} is pinned.`);
    const use = (await findUses(tx, [artifact])).get(artifact.runId);
    if (use !== undefined)
      throw new HoldfastError("BACKUP_IN_USE", `The backup ${id} is being read by ${nameUse(use)}.`);
    await requestDeletions(tx, [artifact], caller.username);
    await recordAudit(tx, {
      actor: caller.username,
      action: "backup.deleted",
      target: `backup:${id}`,
      address: origin.address,
    });
  });
  await deleteObjects(deps);
  return withArtifact(deps, run);
}

/** As messages say it: `restore 72866ba3-...`, `a download`. */
export function nameUse(use: ArtifactUse): string {
  return use.by === "run" ? `${use.kind.toLowerCase()} ${use.runId}` : "a download";
}

/** Has what is deleted by now taken out of the stores, without waiting for a store that is slow or does not answer. */
export async function deleteObjects({
  carryOutDeletions,
  log,
}: Pick<RunDeps, "carryOutDeletions" | "log">): Promise<void> {
  const deleting = carryOutDeletions?.().catch((error: unknown) => {
    log.warn({ err: error }, "what is deleted could not be taken out of the stores yet");
  });
  if (deleting === undefined) return;
  const enough = new AbortController();
  const patience = delay(PATIENCE_MS, undefined, { signal: enough.signal, ref: false }).catch(
    () => undefined,
  );
  await Promise.race([deleting, patience]);
  enough.abort();
}

/**
 * Pins a backup, or unpins it: what is pinned is not deleted, by nobody and no policy.
 * @throws HoldfastError NOT_FOUND, FORBIDDEN without MANAGE_BACKUPS, NOT_READY before it has SUCCEEDED, BACKUP_DELETED
 */
export async function pinBackup(
  deps: RunDeps,
  caller: Caller,
  { id, pinned }: { readonly id: string; readonly pinned: boolean },
  origin: Origin = {},
): Promise<Backup> {
  const run = await requireManaged(deps, caller, id);
  await deps.ledger.db.transaction(async (tx) => {
    await requireUnclaimed(tx, [run.id]);
    const [artifact] = await lockArtifacts(tx, [run.id]);
    if (artifact === undefined) throw new HoldfastError("BACKUP_DELETED", `The backup ${id} is deleted.`);
    if (artifact.pinned === pinned) return;
    await setPinned(tx, artifact, pinned);
    await recordAudit(tx, {
      actor: caller.username,
      action: pinned ? "backup.pinned" : "backup.unpinned",
      target: `backup:${id}`,
      address: origin.address,
    });
  });
  return withArtifact(deps, run);
}

async function requireManaged(deps: RunDeps, caller: Caller, id: string): Promise<BackupRun> {
  requirePermissions(caller, [MANAGE_BACKUPS]);
  const run = await requireVisible(deps, caller, "BACKUP", id);
  if (run.kind !== "BACKUP") throw new Error(`run ${run.id} was to be a backup`);
  if (run.status === "SUCCEEDED") return run;
  throw isFinal(run.status)
    ? new HoldfastError("NOT_READY", `The backup has ${run.status}: there is nothing of it.`, {
        hint: "Nothing has to be deleted; what its attempts left behind is gone already.",
      })
    : new HoldfastError("NOT_READY", `The backup is still ${run.status}.`, {
        hint: "Cancel it, or wait until it has ended.",
      });
}
