// Verifies, rekeys and imports the backups that a server keeps, and has it look for others.
import { stat } from "node:fs/promises";
import path from "node:path";
import { checkRecipients } from "../../codec/age.ts";
import { readEnvironment } from "../../config/environment.ts";
import type { EncryptionKind } from "../../core/artifact.ts";
import { HoldfastError } from "../../core/errors.ts";
import { NO_PROGRESS, type VerificationLevel } from "../../core/run.ts";
import { readIndex, type Unlock } from "../../engine/artifact-reader.ts";
import { openApi, type Api } from "../client/api.ts";
import {
  IMPORT_BACKUP,
  REKEY_BACKUP,
  SCAN_STORES,
  START_VERIFICATION,
  VERIFICATION_PROGRESS,
  type KeptBackup,
  type UnlockInput,
  type VerificationState,
} from "../client/artifacts.ts";
import { BACKUP, type ListedBackup } from "../client/listings.ts";
import { followRun, watchRun } from "../client/watch-run.ts";
import { UsageError } from "../failure.ts";
import { openInput } from "../files/input.ts";
import { packInput } from "../files/pack-input.ts";
import { obtainNewPassphrase, obtainUnlock } from "../keys.ts";
import { printResult, withProgress } from "../report.ts";
import type { ApiOptions, ServerOptions } from "../server-options.ts";
import type { ReportOptions, UnlockOptions } from "../shared-options.ts";
import { formatBytes, formatCount, formatQuantity, formatTime } from "../terminal/format.ts";
import { renderTable } from "../terminal/table.ts";

export interface VerifyKeptOptions extends ServerOptions, ReportOptions, UnlockOptions {
  readonly level: Lowercase<VerificationLevel>;
}

/** @throws what is wrong with the backup, as the server found it */
export async function verifyKept(id: string, options: VerifyKeptOptions, signal: AbortSignal): Promise<void> {
  const { passphrase } = readEnvironment(process.env);
  await using api = await openApi(options, signal);
  const level = LEVELS[options.level];
  const { encryption } = await findBackup(api, id);
  const unlock =
    level === "STORED" ? {} : await obtainUnlock(kindOf(encryption), options, { passphrase, signal });
  const { startVerification } = await api.execute(START_VERIFICATION, {
    input: { backupId: id, level, unlock: unlockInput(unlock) },
  });
  const state = await withProgress(options, signal, async ({ onProgress }) => {
    const subscribe = async function* () {
      for await (const { verificationProgress } of api.subscribe(VERIFICATION_PROGRESS, startVerification))
        yield verificationProgress;
    };
    try {
      return await followRun(watchRun(subscribe, signal), ({ progress }) => onProgress(progress));
    } catch (error) {
      if (signal.aborted) await api.cancelRun(startVerification.id);
      throw error;
    }
  });
  printResult(options, { ...state, backup: id }, () => describeVerification(state));
}

const LEVELS = { stored: "STORED", contents: "CONTENTS", drill: "DRILL" } as const;

function describeVerification({ note, stores, tables }: VerificationState): string {
  const rows = tables.reduce((sum, table) => sum + table.foundRows, 0);
  const found = [
    ...stores.map(
      ({ store, objects, sizeBytes }) =>
        `in ${store} ${formatQuantity(objects, "object")}, ${formatBytes(sizeBytes)}, are what was written`,
    ),
    ...(tables.length === 0
      ? []
      : [
          `${formatQuantity(tables.length, "table")} with ${formatQuantity(rows, "row")} are what was backed up`,
        ]),
  ];
  return [`Sound: ${found.join("; ")}.`, ...(note === null ? [] : [note])].join("\n");
}

export interface RekeyKeptOptions extends ApiOptions, UnlockOptions {
  readonly recipient?: readonly string[];
  readonly newPassphraseFile?: string;
}

export async function rekeyKept(id: string, options: RekeyKeptOptions, signal: AbortSignal): Promise<void> {
  const { passphrase } = readEnvironment(process.env);
  const { recipient: recipients = [], newPassphraseFile } = options;
  if (recipients.length > 0 && newPassphraseFile !== undefined)
    throw new UsageError("A backup is encrypted with a passphrase or to recipients, not both.");
  if (recipients.length > 0) checkRecipients(recipients);
  // What it writes anew it signs.
  await using api = await openApi(options, signal, "backup");
  const { encryption } = await findBackup(api, id);
  const unlock = unlockInput(await obtainUnlock(kindOf(encryption), options, { passphrase, signal })) ?? {};
  const input = {
    ...{ id, unlock },
    encryption:
      recipients.length > 0
        ? { recipients }
        : // HOLDFAST_PASSPHRASE is what opens it now.
          { passphrase: await obtainNewPassphrase(newPassphraseFile, { passphrase: undefined, signal }) },
  };
  const { rekeyBackup } = await api.execute(REKEY_BACKUP, { input });
  printResult(
    options,
    rekeyBackup,
    () =>
      `The backup ${id} opens with the new key alone, in ${rekeyBackup.stores.join(" and ")}. Copies of it elsewhere keep theirs.`,
  );
}

export interface ImportOptions extends ServerOptions, ReportOptions, UnlockOptions {
  readonly store?: string;
}

/** An encrypted backup is opened where its key is given, and imported closed where it is not: nobody is asked for it. */
export async function importBackup(file: string, options: ImportOptions, signal: AbortSignal): Promise<void> {
  const { passphrase } = readEnvironment(process.env);
  await using api = await openApi(options, signal, "made");
  await using input = await openInput(file, signal);
  const { header } = await readIndex(input.source, signal);
  const { passphraseFile, identityFile, store } = options;
  const given = [passphraseFile, identityFile, passphrase].some((one) => one !== undefined);
  const unlock = given ? await obtainUnlock(header.encryption, options, { passphrase, signal }) : {};
  await using packed = await packInput(input, signal);
  const { size: sizeBytes } = await stat(packed.path);
  const { importBackup: backup } = await withProgress(options, signal, ({ onProgress }) =>
    api.upload(
      IMPORT_BACKUP,
      { store, unlock: unlockInput(unlock) },
      { path: packed.path, name: path.basename(file) },
      (bytes) => {
        const percent = Math.min(100, (100 * bytes) / Math.max(1, sizeBytes));
        onProgress({ ...NO_PROGRESS, phase: "uploading", bytes, bytesTotal: sizeBytes, percent });
      },
    ),
  );
  printResult(options, backup, () => describeImported(backup));
}

function describeImported({ id, stores, createdAt, entities, contentsKnown, rows }: KeptBackup): string {
  const kept = `Imported as ${id}, made ${formatTime(createdAt)}, kept in ${stores.join(" and ")}`;
  return contentsKnown
    ? `${kept}: ${entities.join(", ")}, ${formatQuantity(rows ?? 0, "row")}.`
    : `${kept}. What it holds is known once somebody has opened it: holdfast backups verify ${id}.`;
}

export interface ScanOptions extends ApiOptions {
  readonly store?: readonly string[];
}

export async function scanStores(options: ScanOptions, signal: AbortSignal): Promise<void> {
  await using api = await openApi(options, signal, "made");
  const { scanStores: found } = await api.execute(SCAN_STORES, { stores: options.store });
  printResult(options, found, () => {
    const listed = found.filter(({ state }) => state === "LISTED").length;
    const table = renderTable(
      [
        ...["store", "state", "backup", "made"].map((title) => ({ title })),
        { title: "rows", align: "right" },
        { title: "holds, or what is wrong" },
      ],
      found.map(({ store, state, artifactId, backup, message }) => [
        store,
        state,
        backup?.id ?? artifactId,
        backup === null ? "·" : formatTime(backup.createdAt),
        backup?.rows == null ? "·" : formatCount(backup.rows),
        message ?? (backup?.contentsKnown === true ? backup.entities.join(" ") : "not opened yet"),
      ]),
    );
    return `${found.length === 0 ? "" : `${table}\n\n`}${formatQuantity(listed, "backup")} of ${formatCount(found.length)} found ${listed === 1 ? "is" : "are"} new in the list.`;
  });
}

/** @throws HoldfastError NOT_FOUND */
async function findBackup(api: Api, id: string): Promise<ListedBackup> {
  const { backup } = await api.execute(BACKUP, { id });
  if (backup !== null) return backup;
  throw new HoldfastError("NOT_FOUND", `There is no backup ${id} at ${api.place}.`);
}

/** A kind that this version does not know is one that it has no key for. */
function kindOf(encryption: string): EncryptionKind {
  return encryption === "PASSPHRASE" || encryption === "RECIPIENTS" ? encryption : "NONE";
}

function unlockInput({ passphrase, identity }: Unlock): UnlockInput | undefined {
  return passphrase === undefined && identity === undefined ? undefined : { passphrase, identity };
}
