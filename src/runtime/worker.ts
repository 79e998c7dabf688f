// The workers of a process, on the foundation.
import { availableParallelism } from "node:os";
import { createAuth } from "../auth/auth.ts";
import { startWorkers, type Workers } from "../../workers/start.ts";
import { backupHandler } from "../../workers/backup.ts";
import { joinCompany } from "../../workers/company.ts";
import { restoreHandler } from "../../workers/restore.ts";
import { startSweeper } from "../../workers/sweep-staging.ts";
import { verificationHandler } from "../../workers/verification.ts";
import type { RunProcessor } from "../../workers/process-run.ts";
import type { RunKind } from "../core/run.ts";
import type { WorkerDeps } from "../../workers/deps.ts";
import type { Company } from "../../workers/sharing.ts";
import type { Foundation } from "./foundation.ts";
import { guardRuns, lockOutForeseen } from "./guard-runs.ts";
import { retentionOf } from "./upkeep.ts";

/** A run has several connections and cores of its own; more than two at a time only wait for each other. */
const CONCURRENCY = 2;

/**
 * What works on runs, whoever carries them to it.
 * @param company the other processes that work; left out: there are none
 */
export function processorsOn(
  foundation: Foundation,
  company?: Company,
): Readonly<Record<RunKind, RunProcessor>> {
  const deps: WorkerDeps = {
    ...foundation,
    ledger: foundation.runLedger,
    secretKey: foundation.sealKey,
    foreseeLockOut: lockOutForeseen(foundation.catalog),
    guard: guardRuns(createAuth({ ...foundation, secretKey: foundation.serverSecret }), foundation.catalog),
    applyRetention: retentionOf(foundation),
    company,
  };
  return {
    BACKUP: backupHandler(deps),
    RESTORE: restoreHandler(deps),
    VERIFICATION: verificationHandler(deps),
  };
}

/** The caller closes what it gets before the foundation. */
export async function startOwnWorkers(
  foundation: Foundation,
  concurrency: number = CONCURRENCY,
): Promise<Workers> {
  await using opened = new AsyncDisposableStack();
  const onRuns = { ...foundation, ledger: foundation.runLedger };
  const company = await joinCompany(
    { ...onRuns, secretKey: foundation.sealKey },
    {
      places: foundation.connections ?? Math.max(2, Math.min(4, availableParallelism())),
      fromBytes: foundation.shareFromBytes,
    },
  );
  opened.defer(() => company.close());
  const workers = await startWorkers(onRuns, processorsOn(foundation, company), concurrency);
  opened.defer(() => workers.close());
  const sweeper = startSweeper(foundation);
  opened.defer(() => sweeper.close());
  const closing = opened.move();
  return { close: () => closing.disposeAsync() };
}
