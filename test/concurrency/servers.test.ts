// Two servers with their workers that start at the same moment on one empty database; then a crowd that watches one run, and
// more runs than there are workers for.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { startStack, type Stack } from "../../src/runtime/stack.ts";
import { ask } from "../http/server-fixture.ts";
import { collect, subscribe, TRANSPORTS } from "../http/subscribe.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const SUBSCRIBERS = 16;
const RUNS = 6;

let database: TestDatabase;
let directory: string;
let stacks: Stack[];
let authorization: string;

beforeAll(async () => {
  database = await createDatabase();
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-servers-"));
  const environment = readEnvironment({
    HOLDFAST_DATABASE_URL: database.url,
    HOLDFAST_DATA_DIR: directory,
    HOLDFAST_SECRET_KEY: "a secret key of the tests, long enough",
    PORT: "0",
    ...(process.env["REDIS_URL"] !== undefined && { REDIS_URL: process.env["REDIS_URL"] }),
  });
  stacks = await Promise.all([startStack(environment, {}), startStack(environment, {})]);
});
afterAll(async () => {
  await Promise.all(stacks.map((stack) => stack.close()));
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

const urlOf = (n: number): string => stacks[n % stacks.length]?.url ?? "";

async function execute<T>(n: number, query: string, variables: object = {}): Promise<T> {
  const { data, errors } = await ask<T>(urlOf(n), query, { variables, authorization });
  return data ?? expect.fail(JSON.stringify(errors));
}

async function startBackup(n: number, input: object): Promise<string> {
  const { startBackup } = await execute<{ startBackup: { id: string } }>(
    n,
    "mutation ($input: StartBackupInput!) { startBackup(input: $input) { id } }",
    { input },
  );
  return startBackup.id;
}

it("one of them makes the tables and the first account; both serve", async () => {
  const [password, ...others] = stacks.flatMap(({ adminPassword }) => adminPassword ?? []);
  expect(others).toEqual([]);
  const { data } = await ask<{ login: { token: string } }>(
    urlOf(1),
    'mutation ($password: String!) { login(username: "admin", password: $password) { token } }',
    { variables: { password } },
  );
  authorization = `Bearer jwt:${data?.login.token ?? expect.fail("nobody can sign in")}`;
  for (const n of [0, 1]) {
    const { stores } = await execute<{ stores: object[] }>(n, "{ stores { name } }");
    expect(stores).toHaveLength(1);
  }
});

it("the same idempotency key from ten clients of both starts one backup, which ends", async () => {
  const input = { entities: ["ROLES"], idempotencyKey: "ten clients" };
  const ids = await Promise.all(Array.from({ length: 10 }, (_, n) => startBackup(n, input)));
  expect(new Set(ids).size).toBe(1);
  await expectSucceeded(ids);
});

it("every subscriber of a run sees it end and never fall back, and every run that is queued ends", async () => {
  const watched = await startBackup(0, { groups: ["WORKSPACE", "CONFIG"] });
  const crowd = Array.from({ length: SUBSCRIBERS }, (_, n) =>
    collect(
      subscribe<{ backupProgress: { status: string; progress: { percent: number } } }>(
        TRANSPORTS[n % 2] ?? "WebSockets",
        urlOf(Math.floor(n / 2)),
        {
          query: "subscription ($id: ID!) { backupProgress(id: $id) { status progress { percent } } }",
          variables: { id: watched },
          authorization,
        },
      ),
    ),
  );
  const queued = await Promise.all(
    Array.from({ length: RUNS }, (_, n) => startBackup(n, { entities: ["ROLES"] })),
  );
  for (const answers of await Promise.all(crowd)) {
    const states = answers.map(
      ({ data, errors }) => data?.backupProgress ?? expect.fail(JSON.stringify(errors)),
    );
    expect(states.at(-1)).toEqual({ status: "SUCCEEDED", progress: { percent: 100 } });
    const percents = states.map(({ progress }) => progress.percent);
    expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  }
  await expectSucceeded(queued);
}, 120_000);

async function expectSucceeded(ids: readonly string[]): Promise<void> {
  const statuses = async () => {
    const { backups } = await execute<{ backups: { edges: { node: { id: string; status: string } }[] } }>(
      0,
      "{ backups(first: 50) { edges { node { id status } } } }",
    );
    const known = new Map(backups.edges.map(({ node }) => [node.id, node.status]));
    return [...new Set(ids.map((id) => known.get(id)))];
  };
  await expect.poll(statuses, { timeout: 50_000, interval: 200 }).toEqual(["SUCCEEDED"]);
}
