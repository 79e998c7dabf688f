// Restores a backup, or some of its entities; where somebody is at the terminal, after asking.
import { readEnvironment, type Environment } from "../../config/environment.ts";
import { checkRowsMode } from "../../core/row-selection.ts";
import type { ArtifactSignature, RowSelection } from "../../core/run.ts";
import type { ActControl, RestoreCommand, RestoreReport } from "../backend/backend.ts";
import { openBackend } from "../backend/open-backend.ts";
import { findKept, restoreKept } from "../backend/kept.ts";
import { openApi } from "../client/api.ts";
import { chooseConnection } from "../client/connection.ts";
import { ENTITY_FLAGS, type EntityFlag } from "../entity-flags.ts";
import { UsageError } from "../failure.ts";
import { openInput } from "../files/input.ts";
import { obtainUnlock } from "../keys.ts";
import { printResult, withProgress } from "../report.ts";
import { confirmChanges, describeRestore, planRestore } from "../restoring.ts";
import type { ServerOptions } from "../server-options.ts";
import type { RestoringOptions, SignatureOptions, UnlockOptions } from "../shared-options.ts";
import { describeSignature, judgeInput } from "../signatures.ts";
import { unlockInput } from "../unlocked-input.ts";

export interface RestoreOptions
  extends
    RestoringOptions,
    UnlockOptions,
    SignatureOptions,
    ServerOptions,
    Readonly<Partial<Record<EntityFlag, boolean>>> {
  /** A file, or `backup`. */
  readonly input?: string;
  /** The id of a backup that a server keeps. */
  readonly backup?: string;
  readonly entities?: readonly string[];
  /** Of a server: restore also what nothing vouches for. */
  readonly allowUntrusted?: boolean;
  /** Of a server: restore accounts also where that locks out whoever asks. */
  readonly confirmLockOut?: boolean;
  /** Rows, entity by entity. */
  readonly only?: readonly RowSelection[];
}

/** What is to be restored, opened, and how. */
interface Restorable {
  /** The backup's id. */
  readonly id: string;
  /** undefined: only the server knows. */
  readonly signature: ArtifactSignature | undefined;
  restore(command: Omit<RestoreCommand, "input" | "unlock">, control: ActControl): Promise<RestoreReport>;
}

export async function runRestore(options: RestoreOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  if (options.only !== undefined && options.mode === "replace") checkRowsMode("REPLACE");
  const { confirm, mode, dryRun } = planRestore(options);
  await using opened = new AsyncDisposableStack();
  const restorable = await openRestorable(options, environment, opened, signal);
  const restore = (command: Pick<RestoreCommand, "dryRun" | "expectPlan" | "confirmLockOut">) =>
    withProgress(options, signal, (control) =>
      restorable.restore(
        {
          entities: chosenEntities(options),
          rows: options.only,
          mode,
          allowUntrusted: options.allowUntrusted,
          confirmLockOut: options.confirmLockOut,
          ...command,
        },
        control,
      ),
    );
  let expectPlan: string | undefined;
  let { confirmLockOut } = options;
  if (confirm) {
    const preview = await restore({ dryRun: true });
    await confirmChanges(options, preview, signal);
    expectPlan = preview.plan;
    confirmLockOut = true;
  }
  const report = await restore({ dryRun, expectPlan, confirmLockOut });
  const file = options.input === undefined ? {} : { file: options.input };
  const signature = restorable.signature ?? report.signature;
  printResult(options, { backup: restorable.id, ...file, mode, dryRun, ...report, signature }, () =>
    [
      ...(signature === undefined ? [] : [describeSignature(signature)]),
      describeRestore(report, { dryRun, confirm }),
    ].join("\n"),
  );
}

/** @throws UsageError unless there is either a file or a backup's id */
async function openRestorable(
  options: RestoreOptions,
  environment: Environment,
  opened: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Restorable> {
  const { input, backup } = options;
  if (input !== undefined && backup === undefined)
    return openFile(input, options, environment, opened, signal);
  if (backup !== undefined && input === undefined)
    return openKept(backup, options, environment, opened, signal);
  throw new UsageError(
    input === undefined ? "There is neither --input nor --backup." : "--input and --backup are two backups.",
    "Name a file with --input FILE, or a backup that a server keeps with --backup ID.",
  );
}

async function openFile(
  name: string,
  options: RestoreOptions,
  environment: Environment,
  opened: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Restorable> {
  const connection = await chooseConnection(options, environment);
  const input = opened.use(await openInput(name, signal));
  // Before a database is started, or made: a wrong passphrase shall change nothing at all.
  const { artifact, unlock } = await unlockInput(input, options, {
    passphrase: environment.passphrase,
    signal,
  });
  // What a server trusts is for the server to say.
  const signature =
    connection === undefined ? await judgeInput(artifact.signedBy, options, environment) : undefined;
  const backend = opened.use(await openBackend(connection, environment, "restore"));
  return {
    id: artifact.header.id,
    signature,
    restore: (command, control) => backend.restore({ input, unlock, ...command }, control),
  };
}

async function openKept(
  id: string,
  options: RestoreOptions,
  environment: Environment,
  opened: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<Restorable> {
  const api = opened.use(await openApi(options, signal));
  const { encryption } = await findKept(api, id);
  const unlock = await obtainUnlock(encryption, options, { passphrase: environment.passphrase, signal });
  return {
    id,
    signature: undefined,
    restore: (command, control) => restoreKept(api, id, { unlock, ...command }, control),
  };
}

/** undefined: all that the backup holds, or those of which rows are chosen. */
function chosenEntities(options: RestoreOptions): string[] | undefined {
  const flagged = ENTITY_FLAGS.filter(([flag]) => options[flag] === true).map(([, entity]) => entity);
  const chosen = new Set<string>([...flagged, ...(options.entities ?? [])]);
  return chosen.size === 0 ? undefined : [...chosen];
}
