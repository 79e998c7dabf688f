// Starts a restore for a caller.
import { randomUUID } from "node:crypto";
import type { Caller } from "../auth/caller.ts";
import { requirePermissions } from "../auth/permissions.ts";
import type { Origin } from "../auth/context.ts";
import { sealSecret } from "../codec/seal.ts";
import type { EncryptionKind } from "../core/artifact.ts";
import { requireVouched } from "../core/authenticity.ts";
import { entityNamed, RESTORE_UNTRUSTED } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { checkRowSelections } from "../core/row-selection.ts";
import { isFinal, type RestoreMode, type RowSelection } from "../core/run.ts";
import { someNames } from "../core/some.ts";
import type { BackupRun, RestoreRun } from "../ledger/run-row.ts";
import { findArtifact } from "../ledger/artifacts.ts";
import { findRun } from "../ledger/runs.ts";
import { readTrust } from "../ledger/trusted-keys.ts";
import type { RestoreRequest } from "../ledger/run-request.ts";
import { mayAccess, requireAccess } from "./access.ts";
import { signatureOf } from "./signatures.ts";
import type { RunDeps } from "./deps.ts";
import { submit } from "./submit.ts";
import { checkText } from "./text.ts";

/** What opens an artifact; at most one of the two. */
export interface UnlockChoice {
  readonly passphrase?: string | undefined;
  /** An age identity (AGE-SECRET-KEY-1...). */
  readonly identity?: string | undefined;
}

export interface RestoreInput {
  readonly backupId: string;
  /** Left out: every entity that the backup holds, or those that `rows` are of. */
  readonly entities?: readonly string[] | undefined;
  /** Of these entities only these rows, and what belongs to them; not with REPLACE. */
  readonly rows?: readonly RowSelection[] | undefined;
  readonly mode: RestoreMode;
  readonly unlock?: UnlockChoice | undefined;
  readonly dryRun: boolean;
  /** Of a dry run: how many rows of each table and kind its changes are to show, 1 to 20; left out: none. */
  readonly sampleRows?: number | undefined;
  /** What a dry run found: a restore that would do anything else is refused. */
  readonly expectPlan?: string | undefined;
  /** Restores also what nothing vouches for; needs RESTORE_UNTRUSTED. A dry run does without. */
  readonly allowUntrusted?: boolean | undefined;
  /** Restores accounts also where that locks the caller out; a dry run says whether it would. */
  readonly confirmLockOut?: boolean | undefined;
  readonly idempotencyKey?: string | undefined;
}

/**
 * Queues a restore, or with `dryRun` a preview of one.
 * @returns its run, QUEUED; or the one that the same idempotency key has started already, as it is now
 * @throws HoldfastError NOT_FOUND (no such backup, or none that the caller may know of), FORBIDDEN without WRITE of every
 * entity that it touches, NOT_READY for a backup that has not SUCCEEDED, ENTITY_NOT_IN_BACKUP, PASSPHRASE_REQUIRED or
 * IDENTITY_REQUIRED where `unlock` does not fit the backup's encryption, BAD_INPUT; ARTIFACT_UNSIGNED or UNKNOWN_SIGNER where
 * nothing vouches for the backup and `allowUntrusted` is not given, FORBIDDEN where it is without RESTORE_UNTRUSTED
 */
export async function startRestore(
  deps: RunDeps,
  caller: Caller,
  input: RestoreInput,
  origin: Origin = {},
): Promise<RestoreRun> {
  const entities = await restoredEntities(deps, caller, input);
  requireAccess(deps.catalog, caller, entities, "WRITE");
  const rows = input.rows && checkRowSelections(deps.catalog, input.rows, input.mode);
  const backup = await readyBackup(deps, input.backupId);
  const missing = entities.filter((name) => !backup.entities.includes(name));
  if (missing.length > 0) {
    throw new HoldfastError("ENTITY_NOT_IN_BACKUP", `The backup does not hold ${someNames(missing)}.`, {
      details: { missing },
    });
  }
  const allowUntrusted = input.allowUntrusted ?? false;
  if (allowUntrusted) requirePermissions(caller, [RESTORE_UNTRUSTED]);
  else if (!input.dryRun) await requireVouchedBackup(deps, backup);
  const id = randomUUID();
  const secret = checkUnlock(backup.request.encryption, input.unlock ?? {});
  const sealedSecret = secret && sealSecret(deps.secretKey, id, secret);
  const idempotencyKey = checkText("idempotencyKey", input.idempotencyKey);
  const expectPlan = checkText("expectPlan", input.expectPlan) ?? null;
  const request: RestoreRequest = {
    ...{ backupId: backup.id, mode: input.mode, dryRun: input.dryRun, expectPlan },
    ...(rows && { rows }),
    ...(input.confirmLockOut === true && { confirmLockOut: true }),
    ...(caller.via === "token" && { tokenId: caller.tokenId }),
    ...(allowUntrusted && { allowUntrusted }),
    ...(secret !== undefined && typeof origin.address === "string" && { address: origin.address }),
    ...(input.sampleRows !== undefined && { sampleRows: checkSampleRows(input.sampleRows, input.dryRun) }),
  };
  const run = await submit(
    deps,
    caller,
    { id, kind: "RESTORE", entities, request, sealedSecret, idempotencyKey },
    origin,
  );
  if (run.kind !== "RESTORE") throw new Error(`run ${run.id} was to be a restore`);
  return run;
}

/**
 * The entities that a restore touches: the named ones and those of which rows are named, or all that the backup holds, in
 * the catalog's order.
 * @throws HoldfastError BAD_INPUT for an unknown or empty selection; NOT_FOUND where all are meant and the caller may
 * neither see the backup nor write everything in it
 */
export async function restoredEntities(
  { ledger, catalog }: RunDeps,
  caller: Caller,
  { backupId, entities, rows }: Pick<RestoreInput, "backupId" | "entities" | "rows">,
): Promise<string[]> {
  if (entities?.length === 0) throw new HoldfastError("BAD_INPUT", "`entities` is empty.");
  if (entities !== undefined || rows !== undefined) {
    const names = [...(entities ?? []), ...(rows ?? []).map(({ entity }) => entity)];
    const named = new Set(names.map((name) => entityNamed(catalog, name).name));
    return [...catalog.entities.keys()].filter((name) => named.has(name));
  }
  const backup = await findRun(ledger, backupId);
  if (backup?.kind !== "BACKUP") throw noBackup(backupId);
  const known = (["READ", "WRITE"] as const).some((access) =>
    mayAccess(catalog, caller, backup.entities, access),
  );
  if (!known) throw noBackup(backupId);
  return backup.entities;
}

/** As far as the ledger knows: whoever restores looks at the artifact itself. */
async function requireVouchedBackup(deps: RunDeps, backup: BackupRun): Promise<void> {
  const artifact = await findArtifact(deps.ledger, backup.id);
  if (artifact === undefined) return;
  requireVouched(signatureOf(artifact, await readTrust(deps.ledger, deps.signer.publicKey)));
}

const MAX_SAMPLE_ROWS = 20;

function checkSampleRows(count: number, dryRun: boolean): number {
  if (!dryRun) {
    throw new HoldfastError("BAD_INPUT", "`sampleRows` is for a dry run: a restore shows no rows.", {
      hint: "Leave it out, or add dryRun: true.",
    });
  }
  if (Number.isInteger(count) && count >= 1 && count <= MAX_SAMPLE_ROWS) return count;
  throw new HoldfastError("BAD_INPUT", `\`sampleRows\` is 1 to ${MAX_SAMPLE_ROWS}.`);
}

/** @throws HoldfastError NOT_FOUND, NOT_READY for a backup that has not SUCCEEDED */
export async function readyBackup({ ledger }: Pick<RunDeps, "ledger">, id: string): Promise<BackupRun> {
  const backup = await findRun(ledger, id);
  if (backup?.kind !== "BACKUP") throw noBackup(id);
  if (backup.status === "SUCCEEDED") return backup;
  throw isFinal(backup.status)
    ? new HoldfastError("NOT_READY", `The backup has ${backup.status}.`, {
        hint: "It holds nothing to restore; choose one that has SUCCEEDED.",
      })
    : new HoldfastError("NOT_READY", `The backup is still ${backup.status}.`);
}

function noBackup(id: string): HoldfastError {
  return new HoldfastError("NOT_FOUND", `There is no backup ${id}.`);
}

/** @returns what opens the artifact; undefined where it is not encrypted */
export function checkUnlock(
  kind: EncryptionKind,
  { passphrase, identity }: UnlockChoice,
): string | undefined {
  if (passphrase !== undefined && identity !== undefined) {
    throw new HoldfastError("BAD_INPUT", "`unlock` has both a passphrase and an identity.", {
      hint: `Give the one that opens the backup; it is encrypted with ${kind}.`,
    });
  }
  if (kind === "PASSPHRASE" && !passphrase) {
    throw new HoldfastError("PASSPHRASE_REQUIRED", "The backup is encrypted with a passphrase.");
  }
  if (kind === "RECIPIENTS" && !identity) {
    throw new HoldfastError("IDENTITY_REQUIRED", "The backup is encrypted to age recipients.");
  }
  return kind === "PASSPHRASE" ? passphrase : kind === "RECIPIENTS" ? identity : undefined;
}
