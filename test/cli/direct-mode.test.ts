// What is kept, looked after without a server: the API's own acts, on the database itself.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createWriteStream } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { finished } from "node:stream/promises";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { z } from "zod";
import { keepBackup, restoreKept } from "../../src/cli/backend/kept.ts";
import { openChosenApi, type Api, type DirectNeed } from "../../src/cli/client/api.ts";
import {
  IMPORT_BACKUP,
  SCAN_STORES,
  START_VERIFICATION,
  VERIFICATION_PROGRESS,
} from "../../src/cli/client/artifacts.ts";
import { connectionToAsk } from "../../src/cli/client/connection.ts";
import { keepLogin, credentialsFile } from "../../src/cli/client/credentials.ts";
import {
  CREATE_SCHEDULE,
  DELETE_BACKUP,
  PIN_BACKUP,
  PRUNE,
  SCHEDULES,
  TRIGGER_SCHEDULE,
} from "../../src/cli/client/keeping.ts";
import { BACKUP, BACKUPS } from "../../src/cli/client/listings.ts";
import { DELIVERIES, SEND_TEST_NOTICE } from "../../src/cli/client/notices.ts";
import { followRun, watchRun } from "../../src/cli/client/watch-run.ts";
import { readEnvironment, type Environment } from "../../src/config/environment.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

/** Backups, verifications and restores, one after another. */
const PATIENT = { timeout: 180_000 };
const { signal } = new AbortController();
const control = { signal, onProgress: () => undefined };
let database: TestDatabase;
let directory: string;
let environment: Environment;
let sql: Sql;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-direct-"));
  database = await createDatabase({ migrated: true });
  environment = readEnvironment({
    HOLDFAST_DATABASE_URL: database.url,
    HOLDFAST_DATA_DIR: path.join(directory, "data"),
    XDG_CONFIG_HOME: directory,
  });
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  await sql`insert into platform.variables (name, value) values ('colour', 'blue')`;
});
afterAll(async () => {
  await sql.end();
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});
beforeEach(async () => {
  await sql`truncate holdfast.schedules, holdfast.runs, platform.audit_logs cascade`;
  await rm(path.join(directory, "data/store"), { recursive: true, force: true });
});

const open = (need: DirectNeed = "there"): Promise<Api> =>
  openChosenApi(undefined, environment, signal, need);
const selection = { entities: ["VARIABLES"] };
const keep = (api: Api) => keepBackup(api, { selection, encryption: { kind: "NONE" } }, control);
const stored = async () =>
  (await readdir(path.join(directory, "data/store")).catch(() => [])).filter((name) => !name.startsWith("."));
const list = async (api: Api) =>
  (await api.execute(BACKUPS, { first: 100, after: null, filter: {} })).backups.edges;

it(
  "a backup is made into the stores, verified, downloaded, imported again and restored, by the system's user",
  PATIENT,
  async () => {
    await using api = await open("backup");
    const made = await keep(api);
    expect(made).toMatchObject({ entities: ["VARIABLES"], stores: ["local"], rows: 1 });
    const input = { backupId: made.id, level: "CONTENTS" } as const;
    const { startVerification } = await api.execute(START_VERIFICATION, { input });
    const subscribe = async function* () {
      for await (const state of api.subscribe(VERIFICATION_PROGRESS, startVerification))
        yield state.verificationProgress;
    };
    const verified = await followRun(watchRun(subscribe, signal), () => undefined);
    expect(verified).toMatchObject({ status: "SUCCEEDED", tables: [{ rows: 1, foundRows: 1 }] });

    const file = path.join(directory, "backup.tar");
    const stream = createWriteStream(file);
    let shown = 0;
    await api.download(made.id, stream, (bytes) => (shown = bytes));
    await finished(stream.end());
    expect((await readFile(file)).length).toBe(shown);
    await api.execute(DELETE_BACKUP, { id: made.id });
    expect(await stored()).toEqual([]);
    const { importBackup } = await api.upload(
      IMPORT_BACKUP,
      {},
      { path: file, name: "backup.tar" },
      () => undefined,
    );
    expect(importBackup).toMatchObject({ rows: 1, stores: ["local"] });

    await sql`update platform.variables set value = 'red'`;
    const order = { unlock: {}, mode: "MERGE", dryRun: false } as const;
    const { changes } = await restoreKept(api, importBackup.id, order, control);
    expect(changes).toMatchObject([{ table: "platform.variables", updated: 1 }]);
    const actors = await sql<{ actor: string }[]>`select distinct actor from platform.audit_logs`;
    expect(actors).toEqual([{ actor: expect.stringMatching(/^cli/) }]);
  },
);

it("schedules are made, run and pruned by their policy; what is pinned stays", PATIENT, async () => {
  await using api = await open("made");
  const input = { name: "nightly", cron: "0 2 * * *", entities: ["VARIABLES"], retention: { keepLast: 1 } };
  const { createSchedule } = await api.execute(CREATE_SCHEDULE, { input });
  const trigger = async () => {
    const { triggerSchedule } = await api.execute(TRIGGER_SCHEDULE, { id: createSchedule.id });
    const ended = async () => (await api.execute(BACKUP, triggerSchedule)).backup?.status;
    await expect.poll(ended, { timeout: 60_000 }).toBe("SUCCEEDED");
    return triggerSchedule.id;
  };
  const first = await trigger();
  await api.execute(PIN_BACKUP, { id: first, pinned: true });
  const second = await trigger();
  const third = await trigger();
  await expect
    .poll(async () => (await list(api)).map(({ node }) => node.id), { timeout: 60_000 })
    .toEqual([third, first]);
  expect(second).toBeDefined();
  await api.execute(PIN_BACKUP, { id: first, pinned: false });
  const order = { scheduleId: createSchedule.id, retention: { keepLast: 1 }, dryRun: false };
  const { pruneBackups } = await api.execute(PRUNE, { input: order });
  expect(pruneBackups.deleted).toMatchObject([{ backup: { id: first } }]);
  expect(await stored()).toHaveLength(1);
  expect((await api.execute(SCHEDULES, {})).schedules).toMatchObject([{ lastBackup: { id: third } }]);
});

it("with nothing left but a store, a new ledger lists what is in it", async () => {
  {
    await using api = await open("backup");
    await keep(api);
  }
  await sql`truncate holdfast.runs cascade`;
  await using api = await open("made");
  const { scanStores } = await api.execute(SCAN_STORES, {});
  expect(scanStores).toMatchObject([{ state: "LISTED" }]);
  const [listed] = await list(api);
  expect(listed?.node).toMatchObject({ status: "SUCCEEDED", entities: ["VARIABLES"] });
});

it("a run that is interrupted is cancelled before the command ends, and nothing of it is left", async () => {
  await sql`begin`;
  await sql`lock table platform.variables in access exclusive mode`;
  try {
    const interrupt = new AbortController();
    await using api = await openChosenApi(undefined, environment, interrupt.signal, "backup");
    const interrupted = { ...control, signal: interrupt.signal };
    const making = keepBackup(api, { selection, encryption: { kind: "NONE" } }, interrupted);
    making.catch(() => undefined);
    await using other = await open();
    const status = async () => (await list(other))[0]?.node.status;
    await expect.poll(status, { timeout: 60_000 }).toBe("RUNNING");
    interrupt.abort(new Error("interrupted"));
    await expect(making).rejects.toThrow("interrupted");
    expect(await status()).toBe("CANCELLED");
  } finally {
    await sql`rollback`;
  }
  expect(await stored()).toEqual([]);
});

it("errors are those of the API, and a way to tell people that is not configured is none here either", async () => {
  await using api = await open();
  const unknown = "00000000-0000-4000-8000-000000000000";
  await expect(api.execute(DELETE_BACKUP, { id: unknown })).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(api.execute(SEND_TEST_NOTICE, { target: "hook" })).rejects.toMatchObject({
    code: "BAD_INPUT",
  });
  const { deliveries } = await api.execute(DELIVERIES, {
    first: 1,
    after: null,
    filter: { status: "FAILED" },
  });
  expect(deliveries.edges).toEqual([]);
});

it("looking makes no key and no database", async () => {
  const dataDir = path.join(directory, "empty");
  const nowhere = readEnvironment({ HOLDFAST_DATA_DIR: dataDir });
  await expect(openChosenApi(undefined, nowhere, signal, "there")).rejects.toMatchObject({
    code: "NOT_FOUND",
  });
  const onlyUrl = readEnvironment({ HOLDFAST_DATABASE_URL: database.url, HOLDFAST_DATA_DIR: dataDir });
  await using api = await openChosenApi(undefined, onlyUrl, signal, "there");
  await list(api);
  await expect(readdir(dataDir)).rejects.toMatchObject({ code: "ENOENT" });
});

it("what signs is the installation's own key, which the ledger knows from then on", async () => {
  await using api = await open("backup");
  const { id } = await keep(api);
  const keys = await sql<{ own: boolean; publicKey: string }[]>`
    select own, public_key as "publicKey" from holdfast.trusted_keys`;
  expect(keys).toEqual([{ own: true, publicKey: expect.any(String) }]);
  const signature = z.object({ authenticity: z.string(), publicKey: z.string() });
  const result = z.object({ backup: z.object({ signature }) });
  const document = "query ($id: ID!) { backup(id: $id) { signature { authenticity publicKey } } }";
  expect(await api.execute({ document, result }, { id })).toEqual({
    backup: { signature: { authenticity: "OWN_KEY", publicKey: keys[0]?.publicKey } },
  });
});

it("a server is asked where one is named or signed in at, unless --direct is given", async () => {
  expect(await connectionToAsk({}, environment)).toBeUndefined();
  const server = "https://backups.example.org";
  const named = { ...environment, server, token: "t" };
  expect(await connectionToAsk({}, named)).toEqual({ server, token: "t" });
  expect(await connectionToAsk({ direct: true }, named)).toBeUndefined();
  await expect(connectionToAsk({ direct: true, server }, named)).rejects.toThrow("--direct");
  await expect(connectionToAsk({ token: "t" }, environment)).rejects.toThrow("--token is given without");
  const expiresAt = new Date(Date.now() + 60_000).toISOString();
  await keepLogin(credentialsFile(directory), server, { token: "kept", username: "admin", expiresAt });
  expect(await connectionToAsk({}, environment)).toEqual({ server, token: "kept" });
  expect(await connectionToAsk({ direct: true }, environment)).toBeUndefined();
  await writeFile(credentialsFile(directory), "{}");
});
