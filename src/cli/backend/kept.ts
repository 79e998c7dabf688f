// Backs up into stores, and restores what is kept in them: runs are started over the API and watched until they have ended.
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { isFinal } from "../../core/run.ts";
import type { Unlock } from "../../engine/artifact-reader.ts";
import type { ArtifactEncryption } from "../../engine/artifact-writer.ts";
import type { Api } from "../client/api.ts";
import { BACKUP, type ListedBackup } from "../client/listings.ts";
import {
  BACKUP_PROGRESS,
  RESTORE_PROGRESS,
  START_BACKUP,
  START_RESTORE,
  type BackupInput,
  type RestoreInput,
  type RunState,
} from "../client/operations.ts";
import { followRun, watchRun } from "../client/watch-run.ts";
import type { ActControl, BackupCommand, BackupReport, RestoreCommand, RestoreReport } from "./backend.ts";

/** A backup that is kept, whole. @throws HoldfastError NOT_FOUND, NOT_READY */
export async function findKept(api: Api, id: string): Promise<ListedBackup> {
  const { backup } = await api.execute(BACKUP, { id });
  if (backup === null) throw new HoldfastError("NOT_FOUND", `There is no backup ${id} at ${api.place}.`);
  if (backup.status !== "SUCCEEDED") {
    const hint = isFinal(backup.status) ? "Choose another one: holdfast backups list." : undefined;
    throw new HoldfastError("NOT_READY", `The backup ${id} is ${backup.status}.`, hint && { hint });
  }
  return backup;
}

/** Makes a backup that stays in the stores. */
export async function keepBackup(
  api: Api,
  command: BackupCommand,
  control: ActControl,
): Promise<BackupReport> {
  const { startBackup } = await api.execute(START_BACKUP, { input: backupInput(command) });
  return followBackup(api, startBackup.id, control);
}

/** Waits for a backup that was started. */
export async function followBackup(api: Api, id: string, control: ActControl): Promise<BackupReport> {
  const subscribe = async function* () {
    for await (const state of api.subscribe(BACKUP_PROGRESS, { id })) yield state.backupProgress;
  };
  await follow(api, { kind: "backup", id }, subscribe, control);
  return reportOf(await findKept(api, id));
}

/** As `Backend.restore`, of a backup that is kept: it is not sent to and fro. */
export async function restoreKept(
  api: Api,
  backupId: string,
  { unlock, ...command }: Omit<RestoreCommand, "input">,
  control: ActControl,
): Promise<RestoreReport> {
  const input: RestoreInput = { backupId, ...command, ...unlockInput(unlock) };
  const { startRestore } = await api.execute(START_RESTORE, { input });
  const { id } = startRestore;
  const subscribe = async function* () {
    for await (const state of api.subscribe(RESTORE_PROGRESS, { id })) yield state.restoreProgress;
  };
  const { changes, plan, signature, lockOut } = await follow(
    api,
    { kind: "restore", id },
    subscribe,
    control,
  );
  return { changes, plan: plan ?? "", signature: signature ?? undefined, lockOut };
}

interface RunName {
  readonly kind: "backup" | "restore";
  readonly id: string;
}

/** Shows a run until it has ended; whoever interrupts the command means the run. */
async function follow<State extends RunState>(
  api: Api,
  { kind, id }: RunName,
  subscribe: () => AsyncIterable<State>,
  { signal, onProgress }: ActControl,
): Promise<State> {
  try {
    return await followRun(watchRun(subscribe, signal), (state) => onProgress(state.progress));
  } catch (error) {
    if (signal.aborted) await api.cancelRun(id);
    if (!isHoldfastError(error, "SERVER_UNREACHABLE")) throw error;
    throw new HoldfastError("SERVER_UNREACHABLE", error.message, {
      hint: `What became of it, once the server is back: holdfast ${kind}s show ${id}.`,
      cause: error,
    });
  }
}

function backupInput({ selection, stores, encryption }: BackupCommand): BackupInput {
  return { ...selection, stores, ...encryptionInput(encryption) };
}

function encryptionInput(encryption: ArtifactEncryption): Pick<BackupInput, "encryption"> {
  if (encryption.kind === "NONE") return {};
  if (encryption.kind === "PASSPHRASE") return { encryption: { passphrase: encryption.passphrase } };
  return { encryption: { recipients: encryption.recipients } };
}

function unlockInput({ passphrase, identity }: Unlock): Pick<RestoreInput, "unlock"> {
  if (passphrase !== undefined) return { unlock: { passphrase } };
  return identity === undefined ? {} : { unlock: { identity } };
}

function reportOf(backup: ListedBackup): BackupReport {
  const { id, createdAt, encryption, entities, contents, stores, storeFailures } = backup;
  return {
    ...{ id, createdAt, encryption, entities, stores, storeFailures },
    tables: contents.map(({ entity, table, rows }) => ({ entity, table, rows })),
    rows: backup.rows ?? 0,
    rawBytes: backup.rawBytes ?? 0,
    sizeBytes: backup.sizeBytes ?? 0,
  };
}
