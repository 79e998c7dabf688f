// One round: runs are started, faults come over them, everything is made whole again, and what has to hold then is checked.
import { setTimeout as delay } from "node:timers/promises";
import { checkContents, checkRestores } from "./artifact-checks.ts";
import { rowsOf, type ShopState } from "./application.ts";
import { injectFaults } from "./inject.ts";
import type { Base, Encryption, Operator } from "./operator.ts";
import type { RoundPlan } from "./plan.ts";
import { seededRandom } from "./random.ts";
import type { Rig } from "./rig.ts";
import { askLedger, FINAL_WITHIN_MS, RoundFault, waitForEnds, type EndedRun, type RunEnd } from "./runs.ts";
import { findTraces } from "./traces.ts";

/** To begin with a request, an operator needs the API; verifications of the harness's own have as long. */
const PATIENCE_MS = 240_000;

export interface RoundReport {
  readonly runs: readonly RunEnd[];
  /** How long after the parts were back everything had ended, and nothing was left. */
  readonly finalAfterMs: number;
  readonly cleanAfterMs: number;
  readonly artifacts: number;
}

/** @throws RoundFault naming everything that does not hold */
export async function playRound(
  rig: Rig,
  operator: Operator,
  bases: readonly Base[],
  plan: RoundPlan,
): Promise<RoundReport> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const outdated = await backupsBesides(rig, bases);
  const before = await rig.application.changeShop(seededRandom(plan.changes));
  const transfers = await rig.application.startTransfers();
  const begun = new Date();

  const started = Promise.all([
    ...plan.backups.map(async (backup): Promise<[string, Encryption]> => {
      await delay(backup.atMs);
      const id = await operator.startBackup(backup, patience);
      void cancelLater(operator, id, backup.cancelAtMs, patience);
      return [id, backup.encryption];
    }),
    ...outdated.map(async (id) => operator.deleteBackup(id, patience)),
    startRestoreOf(operator, bases, plan, patience),
    startVerificationOf(operator, bases, plan, patience),
  ]);
  started.catch(() => undefined);
  await injectFaults(rig, plan);
  const backAt = performance.now();
  const answers = await started;
  const runs = await waitForEnds(rig, begun, backAt);
  const finalAfterMs = performance.now() - backAt;
  await transfers.stop();

  const faults: string[] = [];
  faults.push(...(await waitForNoTraces(rig, backAt)));
  const cleanAfterMs = performance.now() - backAt;
  const after = await checkRestore(rig, plan, runs, before, faults);
  for (const run of runs)
    if (run.code === "INTERNAL") faults.push(`run ${run.id} failed inside Holdfast: ${run.message}`);
  for (const part of Object.values(rig.parts)) {
    // A database whose disk is full may give up; its operator starts it again.
    const endings = part.takeEndings();
    if (part.name !== "postgres") faults.push(...endings);
  }
  const encryptions = new Map(answers.filter((answer) => answer !== undefined));
  const made = runs.filter(({ artifactId }) => artifactId !== null);
  await Promise.all(
    made.map(async ({ id }) =>
      faults.push(...(await checkContents(rig, operator, id, encryptions.get(id) ?? "NONE", patience))),
    ),
  );
  for (const run of made)
    for (const store of run.stores ?? [])
      faults.push(
        ...(await checkRestores(rig, operator, run, store, encryptions.get(run.id) ?? "NONE", [
          before,
          after,
        ])),
      );
  if (faults.length > 0) throw new RoundFault(faults.join("\n"));
  return {
    runs: runs.map(({ kind, status, code, attempts }) => ({ kind, status, code, attempts })),
    finalAfterMs: Math.round(finalAfterMs),
    cleanAfterMs: Math.round(cleanAfterMs),
    artifacts: made.length,
  };
}

async function cancelLater(
  operator: Operator,
  runId: string,
  atMs: number | undefined,
  patience: AbortSignal,
): Promise<void> {
  if (atMs === undefined) return;
  await delay(atMs);
  await operator.cancel(runId, patience).catch(() => undefined);
}

async function startRestoreOf(
  operator: Operator,
  bases: readonly Base[],
  { restore: order }: RoundPlan,
  patience: AbortSignal,
): Promise<void> {
  const base = bases[order.base];
  if (base === undefined) throw new Error("there is no such base");
  await delay(order.atMs);
  const id = await operator.startRestore(order, base, patience);
  void cancelLater(operator, id, order.cancelAtMs, patience);
}

async function startVerificationOf(
  operator: Operator,
  bases: readonly Base[],
  { verification }: RoundPlan,
  patience: AbortSignal,
): Promise<void> {
  const base = verification && bases[verification.base];
  if (verification === undefined || base === undefined) return;
  await delay(verification.atMs);
  await operator.startVerification(base.backupId, verification.level, base.encryption, patience);
}

async function backupsBesides(rig: Rig, bases: readonly Base[]): Promise<string[]> {
  const rows = await askLedger<{ id: string }>(
    rig,
    (sql) => sql`SELECT run_id AS id FROM holdfast.artifacts WHERE deletion_requested_at IS NULL`,
  );
  return rows.map(({ id }) => id).filter((id) => !bases.some(({ backupId }) => backupId === id));
}

async function waitForNoTraces(rig: Rig, backAt: number): Promise<string[]> {
  for (;;) {
    const traces = await findTraces(rig);
    if (traces.length === 0) return [];
    if (performance.now() - backAt > FINAL_WITHIN_MS) return traces.map((trace) => `left behind: ${trace}`);
    await delay(250);
  }
}

/** @returns the shop as it is now */
async function checkRestore(
  rig: Rig,
  { restore: order }: RoundPlan,
  runs: readonly EndedRun[],
  before: ShopState,
  faults: string[],
): Promise<ShopState> {
  const { application } = rig;
  const after = await application.shopState();
  const run = runs.find(({ kind }) => kind === "RESTORE");
  const applied = await application.expectedAfter(order.mode, order.withArchive);
  const isBefore = { app: after.app === before.app, archive: after.archive === before.archive };
  const rows = rowsOf(after);
  const isApplied = { app: rows.app === applied.app, archive: rows.archive === applied.archive };
  const show = () => JSON.stringify({ before, applied, after });
  if (run === undefined) faults.push("the restore was never written down");
  else if (run.status === "SUCCEEDED") {
    if (!isApplied.app || !isApplied.archive)
      faults.push(`restore ${run.id} SUCCEEDED and is not what is there: ${show()}`);
    if (structureOf(after) !== structureOf(before))
      faults.push(`restore ${run.id} changed the structure: ${show()}`);
  } else if (run.code === "PARTIALLY_APPLIED" || run.code === "OUTCOME_UNKNOWN") {
    if (!(isBefore.app || isApplied.app) || !(isBefore.archive || isApplied.archive))
      faults.push(`restore ${run.id} is ${run.code} and has left a database in between: ${show()}`);
  } else if (!isBefore.app || !isBefore.archive)
    faults.push(`restore ${run.id} is ${run.status} (${run.code}) and has changed something: ${show()}`);
  return after;
}

const structureOf = ({ app, archive }: ShopState): string =>
  [app, archive].map((text) => text.split(" | ").at(-1)).join(" ");
