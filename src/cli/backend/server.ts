// Backs up and restores through a server's API: runs are started over GraphQL and watched over server-sent events,
// artifacts come and go over the streaming endpoints.
import type { Manifest } from "../../core/artifact.ts";
import { HoldfastError, isHoldfastError } from "../../core/errors.ts";
import { isFinal, NO_PROGRESS } from "../../core/run.ts";
import type { ArtifactEncryption } from "../../engine/artifact-writer.ts";
import { openArtifact, type Unlock } from "../../engine/artifact-reader.ts";
import { cancelRun } from "../client/cancel-run.ts";
import type { Connection } from "../client/connection.ts";
import { createGraphqlClient } from "../client/graphql-client.ts";
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
import { createRestClient, type OnBytes } from "../client/rest-client.ts";
import { followRun, watchRun } from "../client/watch-run.ts";
import { UsageError } from "../failure.ts";
import { packInput } from "../files/pack-input.ts";
import type {
  ActControl,
  Backend,
  BackupCommand,
  BackupReport,
  RestoreCommand,
  RestoreReport,
} from "./backend.ts";

/** What the server keeps can be restored without being sent to and fro. */
export interface ServerBackend extends Backend {
  /** Makes a backup that stays where the server keeps its backups. */
  keep(command: BackupCommand, control: ActControl): Promise<BackupReport>;
  /** A backup that the server keeps, whole. @throws HoldfastError NOT_FOUND, NOT_READY */
  find(backupId: string, signal: AbortSignal): Promise<ListedBackup>;
  /** As {@link Backend.restore}, of a backup that the server keeps. */
  restoreKept(
    backupId: string,
    command: Omit<RestoreCommand, "input">,
    control: ActControl,
  ): Promise<RestoreReport>;
}

/** Nothing is opened that would have to be closed; what the caller may do is for the server to say. */
export function openServerBackend(connection: Connection): ServerBackend {
  const graphql = (signal: AbortSignal) => createGraphqlClient({ ...connection, signal });

  const find = async (id: string, signal: AbortSignal): Promise<ListedBackup> => {
    const { backup } = await graphql(signal).execute(BACKUP, { id });
    if (backup === null)
      throw new HoldfastError("NOT_FOUND", `There is no backup ${id} at ${connection.server}.`);
    if (backup.status !== "SUCCEEDED") {
      const hint = isFinal(backup.status) ? "Choose another one: holdfast backups list." : undefined;
      throw new HoldfastError("NOT_READY", `The backup ${id} is ${backup.status}.`, hint && { hint });
    }
    return backup;
  };

  const keep = async (command: BackupCommand, control: ActControl): Promise<BackupReport> => {
    const client = graphql(control.signal);
    const { startBackup } = await client.execute(START_BACKUP, { input: backupInput(command) });
    const { id } = startBackup;
    const subscribe = async function* () {
      for await (const state of client.subscribe(BACKUP_PROGRESS, { id })) yield state.backupProgress;
    };
    await follow(connection, { kind: "backup", id }, subscribe, control);
    return reportOf(await find(id, control.signal));
  };

  return {
    keep,
    find,

    async backUp(command, stream, control) {
      const report = await keep(command, control);
      const rest = createRestClient(connection, control.signal);
      try {
        await rest.download(report.id, stream, showBytes("downloading", control));
      } catch (error) {
        if (!isHoldfastError(error)) throw error;
        throw new HoldfastError(error.code, error.message, {
          hint: `The server keeps the backup all the same: holdfast backups download ${report.id} --output FILE.`,
          cause: error,
        });
      }
      return report;
    },

    async restore({ input, unlock, entities, ...command }, control) {
      const { manifest } = await openArtifact(input.source, unlock, control.signal);
      const group = groupOf(manifest, entities, input.name);
      await using file = await packInput(input, control.signal);
      return await createRestClient(connection, control.signal).restoreGroup(
        { group: group.toLowerCase(), file: file.path, unlock, expectPlan: undefined, ...command },
        showBytes("uploading", control),
      );
    },

    async restoreKept(backupId, { unlock, ...command }, control) {
      const client = graphql(control.signal);
      const input: RestoreInput = { backupId, ...command, ...unlockInput(unlock) };
      const { startRestore } = await client.execute(START_RESTORE, { input });
      const { id } = startRestore;
      const subscribe = async function* () {
        for await (const state of client.subscribe(RESTORE_PROGRESS, { id })) yield state.restoreProgress;
      };
      const { changes, plan } = await follow(connection, { kind: "restore", id }, subscribe, control);
      return { changes, plan: plan ?? "" };
    },

    [Symbol.asyncDispose]: async () => undefined,
  };
}

interface RunName {
  readonly kind: "backup" | "restore";
  readonly id: string;
}

/** Shows a run until it has ended; whoever interrupts the command means the run. */
async function follow<State extends RunState>(
  connection: Connection,
  { kind, id }: RunName,
  subscribe: () => AsyncIterable<State>,
  { signal, onProgress }: ActControl,
): Promise<State> {
  try {
    return await followRun(watchRun(subscribe, signal), (state) => onProgress(state.progress));
  } catch (error) {
    if (signal.aborted) await cancelRun(connection, id);
    if (!isHoldfastError(error, "SERVER_UNREACHABLE")) throw error;
    throw new HoldfastError("SERVER_UNREACHABLE", error.message, {
      hint: `What became of it, once the server is back: holdfast ${kind}s show ${id}.`,
      cause: error,
    });
  }
}

function showBytes(phase: string, { onProgress }: ActControl): OnBytes {
  return (bytes, bytesTotal) => {
    const percent = bytesTotal === null ? 0 : Math.min(100, (100 * bytes) / bytesTotal);
    onProgress({ ...NO_PROGRESS, phase, bytes, bytesTotal, percent });
  };
}

/**
 * The one group that a file holds, which is what the server takes.
 * @throws UsageError for a file of several groups, and for some of a file
 */
function groupOf(manifest: Manifest, chosen: readonly string[] | undefined, name: string): string {
  const held = manifest.entities;
  const groups = new Set(held.map(({ group }) => group));
  const [group] = groups;
  const hint =
    "Restore it where the database can be reached: leave out --server (and HOLDFAST_SERVER) and set HOLDFAST_DATABASE_URL, " +
    "or HOLDFAST_DATA_DIR while no server runs. A backup that the server keeps is restored with --backup ID, all of it or some.";
  if (group === undefined || groups.size > 1) {
    throw new UsageError(
      `${name} holds entities of several groups (${[...groups].join(", ")}), and a server takes files of one group.`,
      hint,
    );
  }
  if (chosen !== undefined && held.some((entity) => !chosen.includes(entity.name)))
    throw new UsageError(
      `A server restores all that a file holds, and ${name} holds more than was chosen.`,
      hint,
    );
  return group;
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
