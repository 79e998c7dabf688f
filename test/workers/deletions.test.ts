// Deleted backups on their way out of the stores: in which order, after a crash, and while a store does not answer.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { findArtifact } from "../../src/ledger/artifacts.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { requestDeletions } from "../../src/ledger/deletions.ts";
import { memoryStore } from "../../src/store/memory.ts";
import type { Store } from "../../src/store/store.ts";
import { carryOutDeletions, startDeleting, type DeletionDeps } from "../../workers/deletions.ts";
import { claim, queuedBackup } from "../http/runs-driver.ts";
import { finishRun } from "../../src/ledger/attempts.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

let database: TestDatabase;
let ledger: Ledger;
beforeAll(async () => {
  database = await createDatabase({ migrated: true });
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
});

let near: Store;
let far: Store;
let deps: DeletionDeps;
beforeEach(async () => {
  await ledger.sql`truncate holdfast.runs cascade`;
  near = memoryStore();
  far = memoryStore();
  deps = depsWith(near, far);
});
const depsWith = (first: Store, second: Store): DeletionDeps => ({
  ledger,
  stores: new Map([
    ["near", first],
    ["far", second],
  ]),
  log: pino({ level: "silent" }),
});

const NAMES = ["holdfast.json", "parts/1", "manifest.json", "index.json"];
/** A backup in both stores. @returns the run's id and the artifact's */
async function backup(): Promise<{ runId: string; id: string }> {
  const [runId, id] = [await queuedBackup(ledger, ["USERS"], { stores: ["near", "far"] }), randomUUID()];
  for (const store of [near, far])
    for (const name of NAMES) await store.put(`${id}/${name}`, Buffer.from(name));
  const nothing = { sizeBytes: 0, rawBytes: 0, rows: 0, contents: [] };
  await finishRun(ledger, await claim(ledger, runId), {
    status: "SUCCEEDED",
    artifact: { id, encryption: "NONE", stores: ["near", "far"], ...nothing },
  });
  return { runId, id };
}
async function deletedBackup(): Promise<{ runId: string; id: string }> {
  const made = await backup();
  const artifact = await findArtifact(ledger, made.runId);
  if (artifact === undefined) expect.fail("there is no artifact");
  await requestDeletions(ledger.db, [artifact], "admin");
  return made;
}
async function namesIn(store: Store, id: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list(`${id}/`)) names.push(key.slice(id.length + 1));
  return names.toSorted();
}
const deletedAt = async (runId: string) => (await findArtifact(ledger, runId))?.deletedAt;

it("what is deleted goes from every store, and what is not stays", async () => {
  const [kept, gone] = [await backup(), await deletedBackup()];
  await carryOutDeletions(deps);
  expect([await namesIn(near, gone.id), await namesIn(far, gone.id)]).toEqual([[], []]);
  expect(await deletedAt(gone.runId)).toBeInstanceOf(Date);
  expect([await namesIn(near, kept.id), await namesIn(far, kept.id)]).toEqual([
    NAMES.toSorted(),
    NAMES.toSorted(),
  ]);
  const before = await deletedAt(gone.runId);
  await Promise.all([carryOutDeletions(deps), carryOutDeletions(deps)]);
  expect(await deletedAt(gone.runId)).toEqual(before);
});

it("the index goes first, and a crash after it leaves what the next look finishes", async () => {
  const { runId, id } = await deletedBackup();
  const asked: string[] = [];
  const dying: Store = {
    ...near,
    async delete(key) {
      asked.push(key);
      if (asked.length > 1) throw new Error("the process is gone");
      await near.delete(key);
    },
  };
  await carryOutDeletions(depsWith(dying, far));
  expect(asked[0]).toBe(`${id}/index.json`);
  expect(await namesIn(near, id)).toEqual(["holdfast.json", "manifest.json", "parts/1"]);
  expect(await deletedAt(runId)).toBeNull();
  await carryOutDeletions(deps);
  expect(await namesIn(near, id)).toEqual([]);
  expect(await deletedAt(runId)).toBeInstanceOf(Date);
});

describe("while a store does not answer", () => {
  it("the others are rid of it, it is asked once a look, and rid of it once it is back", async () => {
    const deletions = [await deletedBackup(), await deletedBackup()];
    let asked = 0;
    const silent: Store = {
      ...near,
      async delete() {
        asked += 1;
        throw new Error("no route to host");
      },
    };
    await carryOutDeletions(depsWith(silent, far));
    expect(asked).toBe(1);
    for (const { runId, id } of deletions) {
      expect(await namesIn(far, id)).toEqual([]);
      expect(await deletedAt(runId)).toBeNull();
    }
    const looking = startDeleting(deps);
    for (const { runId } of deletions)
      await expect.poll(() => deletedAt(runId), { timeout: 20_000 }).toBeInstanceOf(Date);
    await looking.close();
    for (const { id } of deletions) expect(await namesIn(near, id)).toEqual([]);
  });
});
