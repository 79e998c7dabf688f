// Puts back the files of every group, into a database that is there or into a new one.
import { stat } from "node:fs/promises";
import path from "node:path";
import { readConfiguration } from "../../config/configuration.ts";
import { readEnvironment } from "../../config/environment.ts";
import type { Manifest } from "../../core/artifact.ts";
import type { Catalog, EntityGroup } from "../../core/catalog.ts";
import { HoldfastError } from "../../core/errors.ts";
import type { ArtifactSignature } from "../../core/run.ts";
import type { Unlock } from "../../engine/artifact-reader.ts";
import type { RestoreReport } from "../backend/backend.ts";
import { openDirectBackend } from "../backend/direct.ts";
import { openInput, type Input } from "../files/input.ts";
import type { KeySources } from "../keys.ts";
import { printResult, withProgress } from "../report.ts";
import { confirmChanges, describeRestore, planRestore } from "../restoring.ts";
import type { RestoringOptions, SignatureOptions, TargetOptions, UnlockOptions } from "../shared-options.ts";
import { describeSignature, judgeInput, type SecretPlace } from "../signatures.ts";
import { chooseDatabase, groupFiles, secretPlace } from "./admin-target.ts";
import { unlockInput } from "../unlocked-input.ts";

export interface AdminRestoreOptions
  extends TargetOptions, RestoringOptions, UnlockOptions, SignatureOptions {}

/** A file of the directory, opened. */
interface GroupBackup {
  readonly input: Input;
  readonly unlock: Unlock;
  readonly id: string;
  readonly signature: ArtifactSignature;
}

/** Every file is opened, and what it would change found out, before the first of them changes anything. */
export async function runAdminRestore(options: AdminRestoreOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const choice = chooseDatabase(options, environment);
  const configuration = await readConfiguration(environment);
  const { mode, dryRun, confirm } = planRestore(options);
  await using opened = new AsyncDisposableStack();
  const backups = await openBackups(options, configuration.catalog, opened, {
    ...{ passphrase: environment.passphrase, signal, secret: secretPlace(options, environment) },
  });
  await using backend = await openDirectBackend(choice, {
    ...{ act: "restore", audited: false, configuration, signer: undefined },
  });

  const restoreAll = async (
    step: "preview" | "apply",
    plans?: readonly string[],
  ): Promise<RestoreReport[]> => {
    const reports: RestoreReport[] = [];
    for (const [at, { input, unlock }] of backups.entries()) {
      const command = { input, unlock, mode, dryRun: step === "preview", expectPlan: plans?.[at] };
      reports.push(await withProgress(options, signal, (control) => backend.restore(command, control)));
    }
    return reports;
  };
  const previews = await restoreAll("preview");
  const previewed = previews.flatMap(({ changes }) => changes);
  if (confirm) await confirmChanges(options, { changes: previewed }, signal);
  const reports = dryRun
    ? previews
    : await restoreAll(
        "apply",
        previews.map(({ plan }) => plan),
      );
  const changes = reports.flatMap((report) => report.changes);
  // After the last file: an entry before that would be among what the audit log's own file changes.
  if (!dryRun) await backend.record({ action: "restore.applied", details: { mode, changes } });
  const files = backups.map(({ input, id, signature }) => ({ file: input.name, backup: id, signature }));
  printResult(options, { directory: options.backupDir, files, mode, dryRun, changes }, () =>
    [
      ...files.map(({ file, signature }) => `${path.basename(file)}: ${describeSignature(signature)}`),
      describeRestore({ changes }, { dryRun, confirm }),
    ].join("\n"),
  );
}

async function openBackups(
  options: AdminRestoreOptions,
  catalog: Catalog,
  opened: AsyncDisposableStack,
  { secret, ...sources }: KeySources & { readonly secret: SecretPlace },
): Promise<GroupBackup[]> {
  const backups: GroupBackup[] = [];
  let passphrase: string | undefined;
  for (const { group, paths } of groupFiles(catalog, options.backupDir)) {
    const file = await firstThatIs(paths);
    if (file === undefined) continue;
    const input = opened.use(await openInput(file, sources.signal));
    // One passphrase opens all of them, and is asked for once.
    const known = { ...sources, passphrase: passphrase ?? sources.passphrase };
    const { artifact, unlock } = await unlockInput(input, options, known);
    passphrase ??= unlock.passphrase;
    checkGroup(file, group, artifact.manifest);
    const signature = await judgeInput(artifact.signedBy, options, secret);
    backups.push({ input, unlock, id: artifact.header.id, signature });
  }
  if (backups.length > 0) return backups;
  const names = groupFiles(catalog, ".").map(({ paths: [file] }) => path.basename(file));
  throw new HoldfastError("NOT_FOUND", `There is no backup in ${options.backupDir}.`, {
    hint: `It should hold some of ${names.join(", ")}.`,
  });
}

async function firstThatIs(paths: readonly string[]): Promise<string | undefined> {
  for (const file of paths) if ((await stat(file).catch(() => undefined)) !== undefined) return file;
  return undefined;
}

/** A file under another group's name was put there by mistake. */
function checkGroup(file: string, group: EntityGroup, manifest: Manifest): void {
  const own = new Set(group.entities.map((entity) => entity.name));
  const foreign = manifest.entities.filter(({ name }) => !own.has(name)).map(({ name }) => name);
  if (foreign.length === 0) return;
  throw new HoldfastError(
    "FOREIGN_CONTENTS",
    `${file} holds ${foreign.join(" and ")}, which are not of the group ${group.name}.`,
    { hint: "Give the file its own name back; holdfast restore --input takes a backup of any name." },
  );
}
