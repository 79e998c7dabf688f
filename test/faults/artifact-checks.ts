// What a backup that SUCCEEDED has to stand: it verifies, and it restores.
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { sourceFrom } from "../../src/engine/artifact-copies.ts";
import { restore } from "../../src/engine/restore.ts";
import { fsStore } from "../../src/store/fs.ts";
import { s3Store } from "../../src/store/s3.ts";
import { faultOfBank, readShop, rowsOf, type ShopState } from "./application.ts";
import type { Encryption, Operator } from "./operator.ts";
import type { Rig } from "./rig.ts";
import { askLedger, FINAL_WITHIN_MS, type EndedRun } from "./runs.ts";

/** By the server and its workers. @returns what is wrong */
export async function checkContents(
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
export async function checkRestores(
  rig: Rig,
  operator: Operator,
  run: EndedRun,
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
