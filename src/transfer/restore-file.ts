// Restores a file that a client has handed over, and waits for.
import { randomUUID } from "node:crypto";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { foreseeLockOut } from "../auth/foresee-lock-out.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { judgeSignature, requireVouched } from "../core/authenticity.ts";
import { permissionsFor, RESTORE_UNTRUSTED, type EntityGroup } from "../core/catalog.ts";
import { refuseLockOut, type LockOutReason } from "../core/lock-out.ts";
import type { ArtifactSignature, RestoreMode, RowSelection } from "../core/run.ts";
import { tarSource } from "../engine/artifact-io.ts";
import type { Unlock } from "../engine/artifact-reader.ts";
import type { RestoreResult } from "../engine/restore.ts";
import { restoreAlone } from "../engine/restore-alone.ts";
import { readTrust } from "../ledger/trusted-keys.ts";
import { requireAccess } from "../runs/access.ts";
import type { TransferDeps } from "./deps.ts";
import { auditTransfer } from "./transfer-audit.ts";

export interface FileRestore {
  /** What the file may hold: some of the group's entities, or all of them. */
  readonly group: EntityGroup;
  readonly mode: RestoreMode;
  /** Of these entities only these rows, and what belongs to them, and nothing of the others; not with REPLACE. */
  readonly rows?: readonly RowSelection[] | undefined;
  readonly dryRun: boolean;
  /** The plan of a dry run: a restore that would do anything else is refused. */
  readonly expectPlan?: string | undefined;
  /** Restores also what nobody who is trusted has signed; needs RESTORE_UNTRUSTED. A dry run does without. */
  readonly allowUntrusted: boolean;
  /** Restores accounts also where that locks the caller out; a dry run says whether it would. */
  readonly confirmLockOut?: boolean | undefined;
  readonly unlock: Unlock;
}

export interface RestoredFile extends RestoreResult {
  readonly signature: ArtifactSignature;
  /** In what ways the caller is locked out by it, or would be. */
  readonly lockOut: readonly LockOutReason[];
}

const UNTRUSTED_HINT =
  "If you know who made it and who kept it since, send it again with ?allow-untrusted=true; that needs RESTORE_UNTRUSTED.";

/**
 * Applies the single-file artifact at a path, all of it or nothing.
 * @param signal ends it within two seconds, and nothing is changed then, unless it had been applied before
 * @throws HoldfastError FORBIDDEN without WRITE of every entity of the group, FOREIGN_CONTENTS for a file that holds another,
 *   ARTIFACT_UNSIGNED or UNKNOWN_SIGNER without `allowUntrusted`, FORBIDDEN with it and without RESTORE_UNTRUSTED, and all that the engine's `restore` throws
 */
export async function restoreFile(
  deps: TransferDeps,
  caller: Caller,
  path: string,
  order: FileRestore,
  signal: AbortSignal,
  origin: Origin = {},
): Promise<RestoredFile> {
  const { group, allowUntrusted, confirmLockOut = false, ...choice } = order;
  const entities = group.entities.map(({ name }) => name);
  requireAccess(deps.catalog, caller, entities, "WRITE");
  if (allowUntrusted) requirePermissions(caller, [RESTORE_UNTRUSTED]);
  const runId = randomUUID();
  const audit = await auditTransfer(
    deps,
    { noun: "restore", id: runId, caller, origin },
    {
      group: group.name,
      mode: choice.mode,
      rows: choice.rows,
      dryRun: choice.dryRun,
      ...(allowUntrusted && { allowUntrusted }),
      ...(confirmLockOut && { confirmLockOut }),
    },
  );
  let lockOut: readonly LockOutReason[] = [];
  const restorer = { ...caller, tokenId: caller.via === "token" ? caller.tokenId : null };
  const needed = permissionsFor(group.entities, "WRITE");
  const foresight = foreseeLockOut(deps.catalog, restorer, needed, (reasons) => {
    lockOut = reasons;
    if (!choice.dryRun && !confirmLockOut) refuseLockOut(caller.username, reasons);
  });
  try {
    const source = await tarSource(path);
    const keys = await readTrust(deps.ledger, deps.signer.publicKey);
    let signature = judgeSignature(null, keys, false);
    const accept = async ({ signedBy }: { readonly signedBy: string | null }): Promise<void> => {
      signature = judgeSignature(signedBy, keys, false);
      if (!choice.dryRun && !allowUntrusted) requireVouched(signature, UNTRUSTED_HINT);
    };
    try {
      const result = await restoreAlone(
        {
          databaseUrl: deps.databaseUrl,
          catalog: deps.catalog,
          source,
          ...(deps.connections !== undefined && { connections: deps.connections }),
        },
        { runId, within: entities, ...choice, accept, foresight },
        { signal, onProgress: () => undefined },
        (error, database) => {
          deps.log.warn({ err: error, runId, database }, "what a restore had staged could not be removed");
        },
      );
      await audit.succeeded(choice.dryRun ? "previewed" : "applied", { changes: result.changes });
      return { ...result, signature, lockOut };
    } finally {
      await source.close();
    }
  } catch (error) {
    await audit.failed(error);
    throw error;
  }
}
