// Starts a backup for a caller.
import { randomUUID } from "node:crypto";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { checkRecipients } from "../codec/age.ts";
import { sealSecret } from "../codec/seal.ts";
import { selectEntities, type Selection } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { BackupRun } from "../ledger/run-row.ts";
import type { BackupRequest } from "../ledger/run-request.ts";
import { requireAccess } from "./access.ts";
import type { RunDeps, StoreInfo } from "./deps.ts";
import { submit } from "./submit.ts";
import { checkText } from "./text.ts";

/** At most one of the two; neither: not encrypted. */
export interface EncryptionChoice {
  readonly passphrase?: string | undefined;
  /** age recipients (age1...). */
  readonly recipients?: readonly string[] | undefined;
}

export interface BackupInput extends Selection {
  readonly encryption?: EncryptionChoice | undefined;
  /** Names of stores; left out: the default ones. */
  readonly stores?: readonly string[] | undefined;
  readonly label?: string | undefined;
  /** The same key from the same caller within a day answers with the first run. */
  readonly idempotencyKey?: string | undefined;
}

/**
 * Queues a backup of the selected entities.
 * @returns its run, QUEUED; or the one that the same idempotency key has started already, as it is now
 * @throws HoldfastError BAD_INPUT (an unknown or empty selection, an unknown store, an empty passphrase, a passphrase
 * and recipients), BAD_RECIPIENT, FORBIDDEN without READ of every selected entity
 */
export async function startBackup(
  deps: RunDeps,
  caller: Caller,
  input: BackupInput,
  origin: Origin = {},
): Promise<BackupRun> {
  const entities = backedUpEntities(deps, input);
  requireAccess(deps.catalog, caller, entities, "READ");
  const id = randomUUID();
  const encryption = checkEncryption(input.encryption ?? {});
  const request: BackupRequest = {
    label: checkText("label", input.label) ?? null,
    encryption: encryption.kind,
    recipients: encryption.recipients,
    stores: checkStores(deps.stores, input.stores),
  };
  const sealedSecret = encryption.passphrase && sealSecret(deps.secretKey, id, encryption.passphrase);
  const idempotencyKey = checkText("idempotencyKey", input.idempotencyKey);
  const run = await submit(
    deps,
    caller,
    { id, kind: "BACKUP", entities, request, sealedSecret, idempotencyKey },
    origin,
  );
  if (run.kind !== "BACKUP") throw new Error(`run ${run.id} was to be a backup`);
  return run;
}

/**
 * The entities that a backup holds, in the catalog's order.
 * @throws HoldfastError BAD_INPUT for an unknown name or an empty selection
 */
export function backedUpEntities({ catalog }: Pick<RunDeps, "catalog">, selection: Selection): string[] {
  return selectEntities(catalog, selection).map(({ name }) => name);
}

export interface CheckedEncryption {
  readonly kind: BackupRequest["encryption"];
  readonly passphrase?: string;
  readonly recipients: readonly string[];
}

export function checkEncryption({ passphrase, recipients }: EncryptionChoice): CheckedEncryption {
  if (passphrase !== undefined && recipients !== undefined) {
    throw new HoldfastError("BAD_INPUT", "`encryption` has both a passphrase and recipients.", {
      hint: "Give one of the two: age encrypts to a passphrase or to recipients.",
    });
  }
  if (passphrase !== undefined) {
    if (passphrase === "") throw new HoldfastError("BAD_INPUT", "`encryption.passphrase` is empty.");
    return { kind: "PASSPHRASE", passphrase, recipients: [] };
  }
  if (recipients !== undefined) {
    checkRecipients(recipients);
    return { kind: "RECIPIENTS", recipients: [...new Set(recipients)] };
  }
  return { kind: "NONE", recipients: [] };
}

/**
 * The names of stores that are meant, each once; left out: the default ones.
 * @throws HoldfastError BAD_INPUT for a name that no store has, and for none at all
 */
export function checkStores(known: readonly StoreInfo[], names: readonly string[] | undefined): string[] {
  if (names === undefined) return known.filter(({ isDefault }) => isDefault).map(({ name }) => name);
  if (names.length === 0) throw new HoldfastError("BAD_INPUT", "`stores` is empty.");
  for (const name of names) {
    if (known.some((store) => store.name === name)) continue;
    throw new HoldfastError("BAD_INPUT", `There is no store ${name}.`, {
      hint: `The stores are ${known.map((store) => store.name).join(", ")}.`,
    });
  }
  return [...new Set(names)];
}
