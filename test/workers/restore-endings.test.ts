// Restores whose worker was lost: whether they were applied, only the databases know, and the ledger says nothing else.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { deriveKey } from "../../src/codec/seal.ts";
import { installationSigner } from "../../src/codec/signature.ts";
import { claimRun } from "../../src/ledger/attempts.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { recoverLostRuns } from "../../src/ledger/recovery.ts";
import { noteUnfinished } from "../../src/ledger/remains.ts";
import { createRun, findRun, requestCancel } from "../../src/ledger/runs.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { restore } from "../../src/engine/restore.ts";
import { storeSource } from "../../src/engine/artifact-io.ts";
import { backupHandler } from "../../workers/backup.ts";
import type { WorkerDeps } from "../../workers/deps.ts";
import { restoreHandler } from "../../workers/restore.ts";
import { openDatabases, type SeveralDatabases } from "../engine/several-databases.ts";
import { backupRun, claimed, restoreRun, silence, testWatcher } from "../ledger/runs-fixture.ts";
import { newNamespace, testQueue } from "../queue/queue-fixture.ts";
import { findArtifact } from "../../src/ledger/artifacts.ts";
import { holdCommit } from "../support/held-commit.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const never = new AbortController().signal;
const control = { signal: never, onProgress: () => undefined };
const ENTITIES = ["EAST", "WEST"];
const ddl =
  "create table app.things (id int primary key, n int); insert into app.things values (1, 1), (2, 2)";

let home: TestDatabase;
let ledger: Ledger;
let world: SeveralDatabases;
let deps: WorkerDeps;
let backupId: string;
let pristine: Record<string, string[]>;
beforeAll(async () => {
  home = await createDatabase({ migrated: true });
  ledger = openLedger(home.url);
  world = await openDatabases({
    east: { ddl, entities: { EAST: ["things"] } },
    west: { ddl, entities: { WEST: ["things"] } },
  });
  pristine = await world.contents();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  await ledger.close();
  await home.drop();
});
beforeEach(async () => {
  deps = {
    ledger,
    queue: await testQueue({ databaseUrl: home.url, namespace: newNamespace() }),
    watcher: await testWatcher(ledger),
    catalog: world.catalog,
    stores: new Map([["local", memoryStore()]]),
    databaseUrl: world.databaseUrl,
    secretKey: deriveKey("a secret of the tests' own, and long", "run secrets"),
    signer: installationSigner("a secret"),
    log: pino({ level: "silent" }),
  };
  for (const side of ["east", "west"])
    await world.sql(side).unsafe("truncate app.things; insert into app.things values (1, 1), (2, 2)");
  const run = backupRun({ entities: ENTITIES });
  await createRun(ledger, run);
  await backupHandler(deps).handle(run.id, never);
  backupId = run.id;
  for (const side of ["east", "west"]) await world.sql(side)`delete from app.things where id = 1`;
});

/** A restore that a worker has claimed and begun; what the worker did before it fell silent is `applied`. */
async function lostRestore(applied: "everywhere" | "in east" | "nowhere"): Promise<string> {
  const run = { ...restoreRun(backupId), entities: ENTITIES };
  await createRun(ledger, run);
  const { lease } = claimed(await claimRun(ledger, run.id));
  await noteUnfinished(ledger, lease, run.id);
  const artifact = await findArtifact(ledger, backupId);
  const store = deps.stores.get("local") ?? expect.fail();
  const source = storeSource(store, artifact?.id ?? "");
  const order = { runId: run.id, attempt: 1, mode: "MERGE", dryRun: false } as const;
  const { catalog, databaseUrl } = world;
  if (applied === "everywhere") await restore({ catalog, databaseUrl, source }, order, control);
  if (applied === "in east") {
    await using proxy = await holdCommit(databaseUrl("west"));
    const throughProxy = (name: string) => (name === "west" ? proxy.url : databaseUrl(name));
    const first = restore({ catalog, databaseUrl: throughProxy, source }, order, control);
    const outcome = expect(first).rejects.toMatchObject({ code: "PARTIALLY_APPLIED" });
    await proxy.held;
    proxy.cut();
    await outcome;
  }
  await silence(ledger, run.id);
  return run.id;
}

const handle = (runId: string) => restoreHandler(deps).handle(runId, never);

it.each(["everywhere", "in east"] as const)(
  "one that was applied %s, and was to be cancelled, has SUCCEEDED",
  async (applied) => {
    const id = await lostRestore(applied);
    await requestCancel(ledger, id);
    expect(await recoverLostRuns(ledger, { silentForMs: 15_000 })).toMatchObject([{ id, status: "QUEUED" }]);
    expect(await handle(id)).toBe("done");
    const run = await findRun(ledger, id);
    expect(run).toMatchObject({ status: "SUCCEEDED", unfinishedId: null });
    expect(run?.outcome).toMatchObject({
      changes: [
        { entity: "EAST", inserted: 1 },
        { entity: "WEST", inserted: 1 },
      ],
    });
    expect(await world.contents()).toEqual(pristine);
    expect(await world.leftovers()).toEqual([]);
  },
);

it("one that was applied while it waits for its next worker is not CANCELLED either", async () => {
  const id = await lostRestore("everywhere");
  await recoverLostRuns(ledger, { silentForMs: 15_000 });
  expect(await requestCancel(ledger, id)).toMatchObject({ status: "QUEUED" });
  await handle(id);
  expect(await findRun(ledger, id)).toMatchObject({ status: "SUCCEEDED" });
});

it("one that was not applied is CANCELLED, and leaves nothing", async () => {
  const id = await lostRestore("nowhere");
  await requestCancel(ledger, id);
  await recoverLostRuns(ledger, { silentForMs: 15_000 });
  const damaged = await world.contents();
  await handle(id);
  expect(await findRun(ledger, id)).toMatchObject({ status: "CANCELLED", unfinishedId: null });
  expect(await world.contents()).toEqual(damaged);
});

it.each([
  ["everywhere", { status: "SUCCEEDED", errorCode: null }],
  ["nowhere", { status: "FAILED", errorCode: "WORKER_LOST" }],
] as const)(
  "one that was applied %s, and has lost too many workers, ends as what it is",
  async (applied, end) => {
    const id = await lostRestore(applied);
    await ledger.sql`update holdfast.runs set failed_attempts = 3 where id = ${id}`;
    await recoverLostRuns(ledger, { silentForMs: 15_000 });
    await handle(id);
    expect(await findRun(ledger, id)).toMatchObject(end);
  },
);

it("one whose backup is gone meanwhile has SUCCEEDED all the same, if it was applied", async () => {
  const id = await lostRestore("everywhere");
  await recoverLostRuns(ledger, { silentForMs: 15_000 });
  await ledger.sql`delete from holdfast.artifacts where run_id = ${backupId}`;
  await handle(id);
  expect(await findRun(ledger, id)).toMatchObject({ status: "SUCCEEDED" });
});

it("one of which a database cannot be asked is tried again, and then said to be of unknown outcome", async () => {
  const id = await lostRestore("everywhere");
  await requestCancel(ledger, id);
  await recoverLostRuns(ledger, { silentForMs: 15_000 });
  const url = new URL(world.databaseUrl("west"));
  url.pathname = `/${randomUUID()}`;
  deps = { ...deps, databaseUrl: (name) => (name === "west" ? url.href : world.databaseUrl(name)) };
  expect(await handle(id)).toEqual({ againAfterMs: expect.any(Number) });
  expect(await findRun(ledger, id)).toMatchObject({ status: "QUEUED" });
  await ledger.sql`update holdfast.runs set failed_attempts = 4 where id = ${id}`;
  await handle(id);
  expect(await findRun(ledger, id)).toMatchObject({ status: "FAILED", errorCode: "OUTCOME_UNKNOWN" });
});

it("one that fails before it is applied can be cancelled at once", async () => {
  const run = { ...restoreRun(backupId), entities: ENTITIES };
  await createRun(ledger, run);
  const failing = { ...deps, databaseUrl: () => "postgres://127.0.0.1:1/none" };
  expect(await restoreHandler(failing).handle(run.id, never)).toEqual({ againAfterMs: expect.any(Number) });
  expect(await requestCancel(ledger, run.id)).toMatchObject({ status: "CANCELLED" });
});

it("one that cannot be carried out has FAILED, with a list of what stands in its way", async () => {
  await world.sql("west")`alter table app.things add unique (n)`;
  await world.sql("west")`insert into app.things values (9, 1)`;
  const run = { ...restoreRun(backupId), entities: ENTITIES };
  await createRun(ledger, run);
  expect(await handle(run.id)).toBe("done");
  expect(await findRun(ledger, run.id)).toMatchObject({
    status: "FAILED",
    errorCode: "UNIQUE_CONFLICT",
    unfinishedId: null,
    outcome: {
      changes: [],
      plan: null,
      conflicts: [{ kind: "UNIQUE", entity: "WEST", row: "id = 1", other: "id = 9" }],
    },
  });
});
