// Runs for tests of the API: written as requests write them, and driven by hand as a worker would.
import { randomUUID } from "node:crypto";
import { NO_PROGRESS, type Progress, type TableChanges } from "../../src/core/run.ts";
import { claimRun, finishRun, writeProgress } from "../../src/ledger/attempts.ts";
import type { Ledger } from "../../src/ledger/connect.ts";
import type { Lease } from "../../src/ledger/lease.ts";
import { createRun } from "../../src/ledger/runs.ts";
import type { BackupRequest, RestoreRequest } from "../../src/ledger/run-request.ts";

interface Requester {
  readonly requestedById?: string | null;
  readonly requestedBy?: string | null;
}

/** A QUEUED backup of these entities. */
export async function queuedBackup(
  ledger: Ledger,
  entities: readonly string[],
  { requestedById = null, requestedBy = null, ...request }: Requester & Partial<BackupRequest> = {},
): Promise<string> {
  const { run } = await createRun(ledger, {
    id: randomUUID(),
    kind: "BACKUP",
    entities,
    request: { label: null, encryption: "NONE", recipients: [], stores: ["local"], ...request },
    requestedById,
    requestedBy,
  });
  return run.id;
}

/** A backup that has SUCCEEDED, with an artifact of one table for each entity. */
export async function finishedBackup(
  ledger: Ledger,
  entities: readonly string[],
  request: Requester & Partial<BackupRequest> = {},
): Promise<string> {
  const id = await queuedBackup(ledger, entities, request);
  await succeedBackup(ledger, await claim(ledger, id), entities);
  return id;
}

export async function succeedBackup(
  ledger: Ledger,
  lease: Lease,
  entities: readonly string[],
): Promise<void> {
  const contents = entities.map((entity) => ({
    entity,
    table: `platform.${entity.toLowerCase()}`,
    rows: 10,
    rawBytes: 1000,
  }));
  await finishRun(ledger, lease, {
    status: "SUCCEEDED",
    artifact: {
      id: randomUUID(),
      encryption: "NONE",
      stores: ["local"],
      contents,
      sizeBytes: 400 * entities.length,
      rawBytes: 1000 * entities.length,
      rows: 10 * entities.length,
    },
  });
}

/** A QUEUED restore of these entities. */
export async function queuedRestore(
  ledger: Ledger,
  backupId: string,
  entities: readonly string[],
  { requestedById = null, requestedBy = null, ...request }: Requester & Partial<RestoreRequest> = {},
): Promise<string> {
  const { run } = await createRun(ledger, {
    id: randomUUID(),
    kind: "RESTORE",
    entities,
    request: { backupId, mode: "MERGE", dryRun: false, expectPlan: null, ...request },
    requestedById,
    requestedBy,
  });
  return run.id;
}

export async function succeedRestore(
  ledger: Ledger,
  lease: Lease,
  changes: readonly TableChanges[],
): Promise<void> {
  await finishRun(ledger, lease, { status: "SUCCEEDED", outcome: { changes, plan: "the plan" } });
}

export async function claim(ledger: Ledger, runId: string): Promise<Lease> {
  const claimed = await claimRun(ledger, runId);
  if (claimed.state !== "claimed") throw new Error(`the run was not claimed: ${claimed.state}`);
  return claimed.lease;
}

export async function report(ledger: Ledger, lease: Lease, change: Partial<Progress>): Promise<void> {
  const standing = await writeProgress(ledger, lease, { ...NO_PROGRESS, phase: "copying", ...change });
  if (standing === undefined) throw new Error("the run is no longer this lease's");
}
