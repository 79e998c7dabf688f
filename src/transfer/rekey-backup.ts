// Gives a kept backup another key, for a caller.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { isVouched, judgeSignature } from "../core/authenticity.ts";
import { MANAGE_BACKUPS } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { RekeyOrder } from "../engine/rekey.ts";
import { checkRekeyable } from "../engine/rekey.ts";
import { rekeyKept } from "../engine/rekey-kept.ts";
import { claimForWriting, findUses, lockArtifacts } from "../ledger/artifact-uses.ts";
import { findArtifact } from "../ledger/artifacts.ts";
import { recordRekeyed } from "../ledger/kept.ts";
import { readTrust } from "../ledger/trusted-keys.ts";
import { nameUse } from "../runs/delete-backup.ts";
import type { Keeping, RekeyInput } from "../runs/keeping.ts";
import { checkEncryption } from "../runs/start-backup.ts";
import { checkUnlock, readyBackup } from "../runs/start-restore.ts";
import { requireVisible } from "../runs/visible.ts";
import type { KeepingDeps } from "./deps.ts";

/** Three small objects for each store, and a passphrase or two; a store that takes longer than this has stopped answering. */
const TIMEOUT_MS = 120_000;

/** As {@link Keeping.rekeyBackup}. */
export async function rekeyBackup(
  deps: KeepingDeps,
  caller: Caller,
  { id, unlock, encryption: choice }: RekeyInput,
  origin: Origin,
): ReturnType<Keeping["rekeyBackup"]> {
  const { ledger, artifactStores } = deps;
  requirePermissions(caller, [MANAGE_BACKUPS]);
  await requireVisible(deps, caller, "BACKUP", id);
  const run = await readyBackup(deps, id);
  const { kind, passphrase, recipients } = checkEncryption(choice);
  if (kind === "NONE") {
    throw new HoldfastError("BAD_INPUT", "`encryption` has neither a passphrase nor recipients.", {
      hint: "Give what shall open the backup from now on.",
    });
  }
  const encryption: RekeyOrder["encryption"] =
    kind === "RECIPIENTS" ? { kind, recipients } : { kind, passphrase: passphrase ?? "" };
  if (run.request.encryption !== "NONE") checkUnlock(run.request.encryption, unlock);
  else checkRekeyable({ encryption: "NONE" });
  await ledger.db.transaction(async (tx) => {
    // Until this ends nothing begins to read it, nobody deletes it, and nobody else gives it another key.
    const kept = await findArtifact({ ...ledger, db: tx }, run.id);
    if (kept !== undefined) await claimForWriting(tx, kept.id);
    const [artifact] = await lockArtifacts(tx, [run.id]);
    if (artifact === undefined) throw new HoldfastError("BACKUP_DELETED", `The backup ${id} is deleted.`);
    const use = (await findUses(tx, [artifact])).get(artifact.runId);
    if (use !== undefined)
      throw new HoldfastError("BACKUP_IN_USE", `The backup ${id} is being read by ${nameUse(use)}.`);
    const stores = artifact.stores.map((name) => {
      const store = artifactStores.get(name);
      if (store !== undefined) return store;
      throw new HoldfastError("CONFIG_INVALID", `There is no store ${name} any more, which has the backup.`);
    });
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const keys = await readTrust({ db: tx }, deps.signer.publicKey);
    const manifestSha256 = artifact.manifestSha256 ?? undefined;
    const { sizeBytes, ...signed } = await rekeyKept(
      stores,
      artifact.id,
      {
        ...{ unlock, encryption, manifestSha256 },
        // Only what was known to be genuine is signed again.
        signerAfter: (signedBy) =>
          isVouched(judgeSignature(signedBy, keys, artifact.origin === "MADE")) ? deps.signer : undefined,
      },
      signal,
    );
    const { signedBy, manifestSha256: found } = signed;
    await recordRekeyed(tx, artifact, {
      ...{ encryption: kind, recipients, sizeBytes, signedBy, manifestSha256: found },
    });
    await recordAudit(tx, {
      actor: caller.username,
      action: "backup.rekeyed",
      target: `backup:${id}`,
      address: origin.address,
      details: { from: run.request.encryption, to: kind, recipients },
    });
  });
  return { run: await readyBackup(deps, id), artifact: await findArtifact(ledger, id) };
}
