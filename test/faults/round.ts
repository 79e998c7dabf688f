// One round: runs are started, faults come over them, everything is made whole again, and what has to hold then is checked.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { sourceFrom } from "../../src/engine/artifact-copies.ts";
import { restore } from "../../src/engine/restore.ts";
import { fsStore } from "../../src/store/fs.ts";
import { s3Store } from "../../src/store/s3.ts";
import { faultOfBank, readShop, rowsOf, type ShopState } from "./application.ts";
import { injectFaults } from "./inject.ts";
import type { Base, Encryption, Operator } from "./operator.ts";
import type { RoundPlan } from "./plan.ts";
import { seededRandom } from "./random.ts";
import type { Rig } from "./rig.ts";
import { findTraces } from "./traces.ts";

/** From the moment when all parts are back. */
const FINAL_WITHIN_MS = 60_000;
/** To begin with a request, an operator needs the API; verifications of the harness's own have as long. */
const PATIENCE_MS = 90_000;

export interface RunEnd {
  readonly kind: string;
  readonly status: string;
  readonly code: string | null;
  readonly attempts: number;
}

export interface RoundReport {
  readonly runs: readonly RunEnd[];
  /** How long after the parts were back everything had ended, and nothing was left. */
  readonly finalAfterMs: number;
  readonly cleanAfterMs: number;
  readonly artifacts: number;
}

export class RoundFault extends Error {}

interface Ended extends RunEnd {
  readonly id: string;
  readonly message: string | null;
  readonly artifactId: string | null;
  readonly stores: readonly string[] | null;
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
  const encryptions = new Map(answers.filter((answer) => Array.isArray(answer)) as [string, Encryption][]);
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

async function askLedger<Row extends object>(
  rig: Rig,
  ask: (sql: postgres.Sql) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const sql = postgres(rig.ledgerUrl, {
    max: 1,
    connect_timeout: 5,
    connection: { application_name: "harness" },
  });
  try {
    return await ask(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** @throws RoundFault where runs go on for longer than a minute */
export async function waitForEnds(rig: Rig, since: Date, backAt: number): Promise<readonly Ended[]> {
  for (;;) {
    const runs = await askLedger<Ended>(
      rig,
      (sql) => sql`
        SELECT r.id, kind::text, status::text, error_code AS code, error_message AS message, attempt AS attempts,
          a.id AS "artifactId", a.stores
        FROM holdfast.runs r LEFT JOIN holdfast.artifacts a ON a.run_id = r.id
        WHERE r.created_at >= ${since} OR r.finished_at IS NULL ORDER BY r.created_at`,
    );
    if (runs.every(({ status }) => ["SUCCEEDED", "FAILED", "CANCELLED"].includes(status))) return runs;
    if (performance.now() - backAt > FINAL_WITHIN_MS)
      throw new RoundFault(
        `a minute after everything is back these runs have not ended: ${JSON.stringify(runs.filter(({ status }) => ["QUEUED", "RUNNING"].includes(status)))}`,
      );
    await delay(100);
  }
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
  runs: readonly Ended[],
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

async function checkContents(
  rig: Rig,
  operator: Operator,
  backupId: string,
  encryption: Encryption,
  patience: AbortSignal,
): Promise<string[]> {
  const id = await operator.startVerification(backupId, "CONTENTS", encryption, patience);
  for (const deadline = performance.now() + FINAL_WITHIN_MS; performance.now() < deadline; await delay(100)) {
    const [run] = await askLedger<{ status: string; message: string | null }>(
      rig,
      (sql) => sql`SELECT status::text, error_message AS message FROM holdfast.runs WHERE id = ${id}`,
    );
    if (run?.status === "SUCCEEDED") return [];
    if (run?.status === "FAILED") return [`backup ${backupId} SUCCEEDED and does not verify: ${run.message}`];
  }
  return [`the verification of ${backupId} has not ended within a minute`];
}

/** Into empty databases, by the engine in this process, from one store and past everything that is between. */
async function checkRestores(
  rig: Rig,
  operator: Operator,
  run: Ended,
  storeName: string,
  encryption: Encryption,
  possible: readonly ShopState[],
): Promise<string[]> {
  const store =
    storeName === "local"
      ? fsStore({ directory: rig.storeDirectory })
      : rig.swift && s3Store(rig.swift.declaration);
  if (store === undefined || run.artifactId === null) return [`there is no store ${storeName}`];
  const { scratch } = rig.application;
  try {
    const stores = new Map([[storeName, store]]);
    const source = await sourceFrom(stores, [storeName], run.artifactId, { encryption });
    const { changes } = await restore(
      {
        databaseUrl: (name) => (name === "archive" ? scratch.archive : scratch.app),
        catalog: rig.catalog,
        source,
      },
      {
        runId: randomUUID(),
        attempt: 1,
        mode: "REPLACE",
        dryRun: false,
        unlock: operator.unlock(encryption),
      },
      { signal: AbortSignal.timeout(FINAL_WITHIN_MS), onProgress: () => undefined },
    );
    const held = new Set(changes.map(({ entity }) => entity));
    const faults: string[] = [];
    if (held.has("BANK")) {
      const fault = await faultOfBank(scratch.app);
      if (fault !== undefined) faults.push(`backup ${run.id} in ${storeName}: ${fault}`);
    }
    if (held.has("PRODUCTS")) {
      const { app, archive } = rowsOf(await readShop(scratch));
      const states = possible.map(rowsOf);
      if (!states.some((state) => state.app === app) || !states.some((state) => state.archive === archive))
        faults.push(
          `backup ${run.id} in ${storeName} holds ${app} ${archive} and not one of ${JSON.stringify(states)}`,
        );
    }
    return faults;
  } catch (error) {
    return [`backup ${run.id} SUCCEEDED and does not restore from ${storeName}: ${String(error)}`];
  } finally {
    await store.close();
    await emptyScratch(scratch);
  }
}

async function emptyScratch(scratch: { readonly app: string; readonly archive: string }): Promise<void> {
  for (const [url, tables] of [
    [scratch.app, "accounts, transfers, products, prices"],
    [scratch.archive, "entries"],
  ] as const) {
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    await sql.unsafe(`TRUNCATE ${tables} RESTART IDENTITY`);
    await sql.end();
  }
}
