// A whole server that backs up by itself: what a schedule starts, what its retention leaves, and what is made up for.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { openLedger, type Ledger } from "../../src/ledger/connect.ts";
import { startStack, type Stack, type StackOptions } from "../../src/runtime/stack.ts";
import { ask } from "../http/server-fixture.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const PASSWORD = "correct horse";
const PATIENCE = { timeout: 40_000, interval: 200 };
let database: TestDatabase;
let dataDir: string;
let ledger: Ledger;
beforeAll(async () => {
  database = await createDatabase({ migrated: true });
  dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-upkeep-"));
  ledger = openLedger(database.url);
});
afterAll(async () => {
  await ledger.close();
  await database.drop();
  await rm(dataDir, { recursive: true, force: true });
});

const start = (options: StackOptions = {}): Promise<Stack> =>
  startStack(
    readEnvironment({
      HOLDFAST_DATABASE_URL: database.url,
      HOLDFAST_DATA_DIR: dataDir,
      HOLDFAST_ADMIN_PASSWORD: PASSWORD,
      HOLDFAST_SECRET_KEY: "k".repeat(32),
      PORT: "0",
      ...(process.env["REDIS_URL"] && { REDIS_URL: process.env["REDIS_URL"] }),
    }),
    options,
  );

async function execute(stack: Stack, query: string): Promise<unknown> {
  const login = `mutation { login(username: "admin", password: "${PASSWORD}") { token } }`;
  const { data: session } = await ask<{ login: { token: string } }>(stack.url, login);
  const { data, errors } = await ask(stack.url, query, { authorization: `Bearer ${session?.login.token}` });
  expect(errors).toBeUndefined();
  return data;
}
const backups = (status: string) => ledger.sql<{ id: string }[]>`
  select id from holdfast.runs where kind = 'BACKUP' and status = ${status}::holdfast.run_status`;

it("a schedule's backups are made as they are due, and only those that its retention keeps stay in the store", async () => {
  const stack = await start();
  try {
    const input = '{ name: "often", cron: "* * * * * *", entities: [VARIABLES], retention: { keepLast: 1 } }';
    await execute(stack, `mutation { createSchedule(input: ${input}) { id } }`);
    await expect.poll(async () => (await backups("SUCCEEDED")).length, PATIENCE).toBeGreaterThan(2);
    await ledger.sql`update holdfast.schedules set enabled = false`;
    const unfinished = () => ledger.sql`select from holdfast.runs where finished_at is null`;
    await expect.poll(async () => (await unfinished()).length, PATIENCE).toBe(0);
    const kept = () =>
      ledger.sql<{ id: string }[]>`select id from holdfast.artifacts where deleted_at is null`;
    await expect.poll(async () => (await kept()).length, PATIENCE).toBe(1);
    const [artifact] = await kept();
    const stored = async () =>
      (await readdir(path.join(dataDir, "store"))).filter((name) => !name.startsWith("."));
    expect(await stored()).toEqual([artifact?.id]);
    const [overlapping] = await ledger.sql`
      select from holdfast.runs one join holdfast.runs other
        on one.id < other.id and one.started_at < other.finished_at and other.started_at < one.finished_at`;
    expect(overlapping).toBeUndefined();
  } finally {
    await stack.close();
  }
});

it("what was due while no server ran is made up for once by the next one, whether it has a worker or not", async () => {
  await ledger.sql`truncate holdfast.runs cascade`;
  await ledger.sql`update holdfast.schedules set enabled = true, cron = '0 2 * * *',
    settled_until = now() - interval '5 days'`;
  const [first, second] = [await start({ worker: false }), await start({ worker: false })];
  try {
    await expect.poll(async () => (await backups("QUEUED")).length, PATIENCE).toBe(1);
    const data = await execute(second, "{ schedules { lastBackup { status } nextRunAt } }");
    expect(data).toMatchObject({ schedules: [{ lastBackup: { status: "QUEUED" } }] });
    expect(await backups("QUEUED")).toHaveLength(1);
  } finally {
    await first.close();
    await second.close();
  }
});
