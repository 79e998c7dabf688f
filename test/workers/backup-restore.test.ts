// The two acts under their carriage: what the ledger, the stores and the database hold when they have ended.
import { randomUUID } from "node:crypto";
import { pino } from "pino";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { deriveKey, sealSecret } from "../../src/codec/seal.ts";
import { installationSigner } from "../../src/codec/signature.ts";
import { HoldfastError } from "../../src/core/errors.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { findArtifact } from "../../src/ledger/artifacts.ts";
import { claimRun } from "../../src/ledger/attempts.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { releaseRun } from "../../src/ledger/lease.ts";
import { noteUnfinished } from "../../src/ledger/remains.ts";
import type { Run } from "../../src/ledger/run-row.ts";
import { createRun, findRun, requestCancel } from "../../src/ledger/runs.ts";
import { memoryStore } from "../../src/store/memory.ts";
import { openStore } from "../../src/store/open.ts";
import type { Store } from "../../src/store/store.ts";
import { backupHandler } from "../../workers/backup.ts";
import type { WorkerDeps } from "../../workers/deps.ts";
import { tidyFailedStores } from "../../workers/failed-stores.ts";
import { restoreHandler } from "../../workers/restore.ts";
import { backupRun, claimed, restoreRun, testWatcher } from "../ledger/runs-fixture.ts";
import { newNamespace, testQueue } from "../queue/queue-fixture.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const secretKey = deriveKey("a secret of the tests' own, and long", "run secrets");
const never = new AbortController().signal;
const PASSPHRASE = "correct horse battery staple";
/** Making a key of a passphrase is meant to take a while. */
const PATIENCE = { timeout: 90_000 };

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

let deps: WorkerDeps;
let near: Store;
let far: Store;
beforeEach(async () => {
  near = memoryStore();
  far = memoryStore();
  deps = {
    ledger,
    queue: await testQueue({ databaseUrl: database.url, namespace: newNamespace() }),
    watcher: await testWatcher(ledger),
    catalog: platformCatalog,
    stores: new Map([
      ["near", near],
      ["far", far],
    ]),
    databaseUrl: () => database.url,
    secretKey,
    signer: installationSigner("a secret"),
    log: pino({ level: "silent" }),
  };
  await ledger.sql`truncate platform.spaces cascade`;
  await ledger.sql`insert into platform.spaces (slug, name) select 's' || n, 'Space ' || n from generate_series(1, 20) n`;
});

async function keysOf(store: Store): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list("")) keys.push(key);
  return keys;
}

async function queueBackup(stores: string[], passphrase?: string): Promise<string> {
  const run = backupRun({ entities: ["SPACES"], stores });
  if (run.kind !== "BACKUP") throw new Error("backupRun makes backups");
  const encryption = passphrase === undefined ? "NONE" : "PASSPHRASE";
  await createRun(ledger, {
    ...run,
    request: { ...run.request, encryption },
    sealedSecret: passphrase && sealSecret(secretKey, run.id, passphrase),
  });
  return run.id;
}

async function restoreFrom(backupId: string, passphrase?: string): Promise<Run | undefined> {
  const run = restoreRun(backupId);
  const sealedSecret = passphrase && sealSecret(secretKey, run.id, passphrase);
  await createRun(ledger, { ...run, entities: ["SPACES"], sealedSecret });
  expect(await restoreHandler(deps).handle(run.id, never)).toBe("done");
  return findRun(ledger, run.id);
}

const stagingSchemas = () =>
  ledger.sql`select nspname from pg_namespace where nspname like 'holdfast_restore_%'`;

describe("a backup", PATIENCE, () => {
  it("is in every store that it names, and in the ledger with what it holds", async () => {
    const id = await queueBackup(["near", "far"], PASSPHRASE);
    expect(await backupHandler(deps).handle(id, never)).toBe("done");
    expect(await findRun(ledger, id)).toMatchObject({ status: "SUCCEEDED", unfinishedId: null });
    const artifact = await findArtifact(ledger, id);
    expect(artifact).toMatchObject({
      encryption: "PASSPHRASE",
      stores: ["near", "far"],
      rows: 20,
      contents: [{ entity: "SPACES", table: "platform.spaces", rows: 20 }],
    });
    const keys = await keysOf(near);
    expect(keys).toContain(`${artifact?.id}/index.json`);
    expect(keys.every((key) => key.startsWith(`${artifact?.id}/`))).toBe(true);
    expect(await keysOf(far)).toEqual(keys);
  });

  it("deletes what an earlier attempt has left before it writes its own", async () => {
    const id = await queueBackup(["near"]);
    const { lease } = claimed(await claimRun(ledger, id));
    const earlier = randomUUID();
    await noteUnfinished(ledger, lease, earlier);
    await near.put(`${earlier}/holdfast.json`, Buffer.from("{}"));
    await near.put(`${earlier}/parts/000001.copy.zst`, Buffer.from("half"));
    await releaseRun(ledger, lease);
    await backupHandler(deps).handle(id, never);
    const artifact = await findArtifact(ledger, id);
    expect(artifact?.id).not.toBe(earlier);
    expect((await keysOf(near)).every((key) => key.startsWith(`${artifact?.id}/`))).toBe(true);
  });

  it("that is cancelled or fails midway leaves nothing in any store", async () => {
    for (const [stop, ending] of [
      [(id: string) => requestCancel(ledger, id), { status: "CANCELLED" }],
      [() => Promise.reject(new Error("the disk is full")), { status: "FAILED", errorCode: "INTERNAL" }],
    ] as const) {
      const id = await queueBackup(["near", "far"]);
      const put: Store["put"] = async (key, body, options) => {
        if (key.endsWith("manifest.json")) {
          await stop(id);
          while (options?.signal?.aborted === false) await new Promise((resolve) => setTimeout(resolve, 5));
        }
        return far.put(key, body, options);
      };
      const stores = new Map([...deps.stores, ["far", { ...far, put }]]);
      expect(await backupHandler({ ...deps, stores }).handle(id, never)).toBe("done");
      expect(await findRun(ledger, id)).toMatchObject({ ...ending, unfinishedId: null });
      expect(await keysOf(near)).toEqual([]);
      expect(await keysOf(far)).toEqual([]);
    }
  });

  it("is in the stores that take it, and names those that do not", async () => {
    const lines: string[] = [];
    const log = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
    const put: Store["put"] = () => Promise.reject(new HoldfastError("STORE_FAILED", "The disk is full."));
    const stores = new Map([...deps.stores, ["far", { ...far, put }]]);
    const id = await queueBackup(["far", "near", "attic"]);
    expect(await backupHandler({ ...deps, stores, log }).handle(id, never)).toBe("done");
    expect(await findRun(ledger, id)).toMatchObject({ status: "SUCCEEDED", errorCode: null });
    expect(await findArtifact(ledger, id)).toMatchObject({
      stores: ["near"],
      failedStores: [
        { store: "far", code: "STORE_FAILED", message: "The disk is full.", hasRemains: false },
        { store: "attic", code: "CONFIG_INVALID", hasRemains: false },
      ],
    });
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { msg: "a store did not take the backup", store: "far", code: "STORE_FAILED", runId: id },
      { msg: "a store did not take the backup", store: "attic", runId: id },
    ]);
  });

  it("is deleted from a store that took only some of it, once that can be reached", async () => {
    let puts = 0;
    const down = () => Promise.reject(new HoldfastError("STORE_FAILED", "out of order"));
    const put: Store["put"] = (...order) => ((puts += 1) > 2 ? down() : far.put(...order));
    const broken = new Map([...deps.stores, ["far", { ...far, put, delete: down }]]);
    const id = await queueBackup(["near", "far"]);
    await backupHandler({ ...deps, stores: broken }).handle(id, never);
    const failures = async () => (await findArtifact(ledger, id))?.failedStores;
    expect(await failures()).toMatchObject([{ store: "far", hasRemains: true }]);
    expect(await keysOf(far)).toHaveLength(2);
    await tidyFailedStores({ ...deps, stores: broken });
    expect(await failures()).toMatchObject([{ store: "far", hasRemains: true }]);
    const kept = await keysOf(near);
    await tidyFailedStores(deps);
    expect(await failures()).toMatchObject([{ store: "far", code: "STORE_FAILED", hasRemains: false }]);
    expect([await keysOf(far), await keysOf(near)]).toEqual([[], kept]);
  });

  it("begins though what an earlier attempt left in one of its stores cannot be deleted yet", async () => {
    const id = await queueBackup(["near", "far"]);
    const { lease } = claimed(await claimRun(ledger, id));
    const earlier = randomUUID();
    await noteUnfinished(ledger, lease, earlier);
    await releaseRun(ledger, lease);
    const down = () => Promise.reject(new HoldfastError("STORE_FAILED", "out of order"));
    const stores = new Map([...deps.stores, ["far", { ...far, put: down, delete: down }]]);
    await backupHandler({ ...deps, stores }).handle(id, never);
    expect(await findArtifact(ledger, id)).toMatchObject({ stores: ["near"] });
  });

  it("fails where none of the stores that it names is there", async () => {
    const id = await queueBackup(["attic"]);
    await backupHandler(deps).handle(id, never);
    expect(await findRun(ledger, id)).toMatchObject({ status: "FAILED", errorCode: "CONFIG_INVALID" });
    expect(await keysOf(near)).toEqual([]);
  });

  it("shows no credentials of a store in any log or row, whatever fails", async () => {
    const lines: string[] = [];
    const log = pino({ level: "trace" }, { write: (line) => void lines.push(line) });
    const secret = (what: string) => `marked-secret-${what}`;
    const s3 = await openStore({
      ...{ kind: "s3", bucket: "backups", endpoint: "http://127.0.0.1:1", accessKeyId: secret("id") },
      ...{ secretAccessKey: secret("key"), sessionToken: secret("token") },
    });
    const sftp = await openStore({
      ...{ kind: "sftp", host: "127.0.0.1", port: 1, username: "me", password: secret("password") },
      ...{ directory: "/backups", hostKey: `SHA256:${"A".repeat(43)}` },
    });
    const stores = new Map([...deps.stores, ["s3", s3], ["sftp", sftp]]);
    const id = await queueBackup(["near", "s3", "sftp"]);
    await backupHandler({ ...deps, stores, log }).handle(id, never);
    await s3.close();
    await sftp.close();
    expect((await findArtifact(ledger, id))?.failedStores).toHaveLength(2);
    const tables = await ledger.sql<{ name: string }[]>`
      select format('%I.%I', table_schema, table_name) as name from information_schema.tables
      where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`;
    const rows = await Promise.all(
      tables.map(({ name }) => ledger.sql.unsafe(`select t::text as row from ${name} as t`)),
    );
    const written = [...lines, ...rows.flat().map(({ row }) => String(row))].join("\n");
    expect(written).toContain("ECONNREFUSED");
    expect(written).not.toContain("marked-secret");
  });
});

describe("a restore", PATIENCE, () => {
  it("puts back what was backed up, says what it changed, and leaves nothing behind in the database", async () => {
    const backupId = await queueBackup(["near"], PASSPHRASE);
    await backupHandler(deps).handle(backupId, never);
    await ledger.sql`delete from platform.spaces where slug in ('s1', 's2')`;
    await ledger.sql`update platform.spaces set name = 'changed' where slug = 's3'`;
    const run = await restoreFrom(backupId, PASSPHRASE);
    expect(run).toMatchObject({
      status: "SUCCEEDED",
      outcome: {
        changes: [{ entity: "SPACES", inserted: 2, updated: 1, unchanged: 17, deleted: 0 }],
        plan: expect.any(String),
      },
      unfinishedId: null,
    });
    expect(
      await ledger.sql`select count(*)::int as n from platform.spaces where name like 'Space %'`,
    ).toEqual([{ n: 20 }]);
    expect(await stagingSchemas()).toEqual([]);
  });

  it("with a wrong passphrase fails, and changes nothing", async () => {
    const backupId = await queueBackup(["near"], PASSPHRASE);
    await backupHandler(deps).handle(backupId, never);
    await ledger.sql`delete from platform.spaces where slug = 's1'`;
    expect(await restoreFrom(backupId, "incorrect horse")).toMatchObject({
      status: "FAILED",
      errorCode: "WRONG_PASSPHRASE",
    });
    expect(await ledger.sql`select count(*)::int as n from platform.spaces`).toEqual([{ n: 19 }]);
    expect(await stagingSchemas()).toEqual([]);
  });

  it("reads from another of the backup's stores where the first one has lost it", async () => {
    const backupId = await queueBackup(["near", "far"]);
    await backupHandler(deps).handle(backupId, never);
    for (const key of await keysOf(near)) await near.delete(key);
    expect(await restoreFrom(backupId)).toMatchObject({ status: "SUCCEEDED" });
    for (const key of await keysOf(far)) await far.delete(key);
    expect(await restoreFrom(backupId)).toMatchObject({ errorCode: "ARTIFACT_INCOMPLETE" });
  });

  it("of a backup that is not there any more is NOT_FOUND", async () => {
    expect(await restoreFrom(randomUUID())).toMatchObject({
      status: "FAILED",
      errorCode: "NOT_FOUND",
    });
  });
});
