// Runs and a ledger for tests.
import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Progress } from "../../src/core/run.ts";
import { NO_PROGRESS } from "../../src/core/run.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { claimRun, type Claim } from "../../src/ledger/attempts.ts";
import type { Run } from "../../src/ledger/run-row.ts";
import { createRun, type NewRun } from "../../src/ledger/runs.ts";
import { watchRuns, type RunWatcher } from "../../src/ledger/watch.ts";

/** Closed when the test ends. */
export function testLedger(url: string): Ledger {
  const ledger = openLedger(url);
  onTestFinished(() => ledger.close());
  return ledger;
}

/** Closed when the test ends, before its ledger. */
export async function testWatcher(ledger: Ledger): Promise<RunWatcher> {
  const watcher = await watchRuns(ledger);
  onTestFinished(() => watcher.close());
  return watcher;
}

type Common = Pick<NewRun, "entities" | "sealedSecret" | "requestedById" | "idempotencyKey">;

export function backupRun(change: Partial<Common> & { label?: string; stores?: string[] } = {}): NewRun {
  const { label = null, stores = ["local"], ...common } = change;
  return {
    id: randomUUID(),
    kind: "BACKUP",
    entities: ["USERS"],
    request: { label, encryption: "NONE", recipients: [], stores },
    requestedById: "1",
    requestedBy: "admin",
    ...common,
  };
}

export function restoreRun(backupId: string): NewRun {
  return {
    id: randomUUID(),
    kind: "RESTORE",
    entities: ["USERS"],
    request: { backupId, mode: "MERGE", dryRun: false, expectPlan: null },
    requestedById: "1",
    requestedBy: "admin",
  };
}

export async function queuedRun(ledger: Ledger, change?: Parameters<typeof backupRun>[0]): Promise<Run> {
  const { run } = await createRun(ledger, backupRun(change));
  return run;
}

export async function claimedRun(
  ledger: Ledger,
  change?: Parameters<typeof backupRun>[0],
): Promise<Extract<Claim, { state: "claimed" }>> {
  const run = await queuedRun(ledger, change);
  return claimed(await claimRun(ledger, run.id));
}

export function claimed(claim: Claim): Extract<Claim, { state: "claimed" }> {
  if (claim.state !== "claimed") throw new Error(`the run was not claimed: ${claim.state}`);
  return claim;
}

export function percent(value: number): Progress {
  return { ...NO_PROGRESS, phase: "copying", percent: value };
}

/** As if its worker had said nothing for a minute. */
export async function silence(ledger: Ledger, runId: string): Promise<void> {
  await ledger.sql`update holdfast.runs set heartbeat_at = now() - interval '1 minute' where id = ${runId}`;
}
