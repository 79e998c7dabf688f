// Restores a backup, or some of its entities; where somebody is at the terminal, after asking.
import { readEnvironment } from "../../config/environment.ts";
import { openArtifact, readIndex } from "../../engine/artifact-reader.ts";
import type { RestoreCommand } from "../backend/backend.ts";
import { openBackend } from "../backend/open-backend.ts";
import { ENTITY_FLAGS, type EntityFlag } from "../entity-flags.ts";
import { openInput } from "../files/input.ts";
import { obtainUnlock } from "../keys.ts";
import { printResult, withProgress } from "../report.ts";
import { confirmChanges, describeRestore, planRestore } from "../restoring.ts";
import type { RestoringOptions, UnlockOptions } from "../shared-options.ts";

export interface RestoreOptions
  extends RestoringOptions, UnlockOptions, Readonly<Partial<Record<EntityFlag, boolean>>> {
  readonly input: string;
  readonly entities?: readonly string[];
}

export async function runRestore(options: RestoreOptions, signal: AbortSignal): Promise<void> {
  const environment = readEnvironment(process.env);
  const { confirm, mode, dryRun } = planRestore(options);
  await using input = await openInput(options.input, signal);
  const { header } = await readIndex(input.source, signal);
  const unlock = await obtainUnlock(header.encryption, options, {
    passphrase: environment.passphrase,
    signal,
  });
  // Before a database is started, or made: a wrong passphrase shall change nothing at all.
  await openArtifact(input.source, unlock, signal);

  await using backend = await openBackend(environment, "restore");
  const restore = (command: Pick<RestoreCommand, "dryRun" | "expectPlan">) =>
    withProgress(options, signal, (control) =>
      backend.restore({ input, unlock, entities: chosenEntities(options), mode, ...command }, control),
    );
  let expectPlan: string | undefined;
  if (confirm) {
    const preview = await restore({ dryRun: true });
    await confirmChanges(options, preview.changes, signal);
    expectPlan = preview.plan;
  }
  const report = await restore({ dryRun, expectPlan });
  printResult(options, { backup: header.id, file: options.input, mode, dryRun, ...report }, () =>
    describeRestore(report.changes, { dryRun, confirm }),
  );
}

/** undefined: all that the backup holds. */
function chosenEntities(options: RestoreOptions): string[] | undefined {
  const flagged = ENTITY_FLAGS.filter(([flag]) => options[flag] === true).map(([, entity]) => entity);
  const chosen = new Set<string>([...flagged, ...(options.entities ?? [])]);
  return chosen.size === 0 ? undefined : [...chosen];
}
