// Starts a verification for a caller, or says what one is that Holdfast starts by itself.
import { randomUUID } from "node:crypto";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { sealSecret } from "../codec/seal.ts";
import { HoldfastError } from "../core/errors.ts";
import type { VerificationLevel } from "../core/run.ts";
import type { BackupRun, VerificationRun } from "../ledger/run-row.ts";
import { findRun } from "../ledger/runs.ts";
import { mayAccess, requireAccess } from "./access.ts";
import type { RunDeps } from "./deps.ts";
import { checkUnlock, readyBackup, type UnlockChoice } from "./start-restore.ts";
import { submit, type Submission } from "./submit.ts";

export interface VerificationInput {
  readonly backupId: string;
  readonly level: VerificationLevel;
  /** Not needed at the level STORED, and for a backup that is not encrypted. */
  readonly unlock?: UnlockChoice | undefined;
}

/**
 * Queues a verification.
 * @returns its run, QUEUED
 * @throws HoldfastError NOT_FOUND (no such backup, or none that the caller may know of), NOT_READY for a backup that has not
 *   SUCCEEDED, BACKUP_DELETED, PASSPHRASE_REQUIRED or IDENTITY_REQUIRED where `unlock` does not fit, BAD_INPUT
 */
export async function startVerification(
  deps: RunDeps,
  caller: Caller,
  input: VerificationInput,
  origin: Origin = {},
): Promise<VerificationRun> {
  const entities = await verifiedEntities(deps, caller, input.backupId);
  requireAccess(deps.catalog, caller, entities, "READ");
  const backup = await readyBackup(deps, input.backupId);
  const id = randomUUID();
  const { level, unlock = {} } = input;
  const secret = level === "STORED" ? undefined : checkUnlock(backup.request.encryption, unlock);
  const sealedSecret = secret && sealSecret(deps.secretKey, id, secret);
  const { address } = origin;
  const request = {
    backupId: backup.id,
    level,
    ...(secret !== undefined && typeof address === "string" && { address }),
  };
  const run = await submit(
    deps,
    caller,
    { id, kind: "VERIFICATION", entities: backup.entities, request, sealedSecret },
    origin,
  );
  if (run.kind !== "VERIFICATION") throw new Error(`run ${run.id} was to be a verification`);
  return run;
}

/**
 * The drill of a backup that nobody attends: to be recorded and carried as `submit` does. An encrypted backup is opened with
 * the identity that the configuration names for drills; without one, the drill looks at what is stored, and says so.
 */
export function unattendedDrill(backup: BackupRun): Extract<Submission, { kind: "VERIFICATION" }> {
  return {
    id: randomUUID(),
    kind: "VERIFICATION",
    entities: backup.entities,
    request: { backupId: backup.id, level: "DRILL", unattended: true },
  };
}

/** @throws HoldfastError NOT_FOUND also where there is such a backup, but not for this caller */
export async function verifiedEntities(
  { ledger, catalog }: Pick<RunDeps, "ledger" | "catalog">,
  caller: Caller,
  backupId: string,
): Promise<readonly string[]> {
  const backup = await findRun(ledger, backupId);
  if (backup?.kind === "BACKUP" && mayAccess(catalog, caller, backup.entities, "READ"))
    return backup.entities;
  throw new HoldfastError("NOT_FOUND", `There is no backup ${backupId}.`);
}
