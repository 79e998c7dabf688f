// What the doctor finds beside privileges: each thing that is not as it should be is named, and the examination goes on.
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { readEnvironment, type Environment } from "../../src/config/environment.ts";
import { ensureSecretKey } from "../../src/config/secret-key.ts";
import { examine } from "../../src/doctor/examine.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { checkNode } from "../../src/doctor/node.ts";
import { checkRedis, judgeRedis } from "../../src/doctor/queue.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const signal = new AbortController().signal;
/** Nobody listens on it. */
const NOWHERE = "postgres://127.0.0.1:1/nowhere";

let root: string;
let directory: string;
let own: TestDatabase;
let app: TestDatabase;
let sql: postgres.Sql;

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), "holdfast-doctor-"));
  own = await createDatabase({ migrated: true });
  app = await createDatabase();
  sql = postgres(app.url, { max: 1, onnotice: () => undefined });
  await sql`create table things (id int primary key)`;
});
beforeEach(async () => {
  directory = await mkdtemp(path.join(root, "test-"));
});
afterAll(async () => {
  await sql.end();
  await app.drop();
  await own.drop();
  await rm(root, { recursive: true });
});

/** With a file that declares one entity, unless it is given. */
async function environmentWith(
  config = `{ databases: { app: { url: ${JSON.stringify(app.url)} } },
    groups: { shop: { entities: { things: { tables: ["things"] } } } } }`,
): Promise<Environment> {
  const configFile = path.join(directory, "holdfast.config.mjs");
  await writeFile(configFile, `export default ${config};`);
  return { ...readEnvironment({}), configFile, dataDir: path.join(directory, "data"), databaseUrl: own.url };
}

async function examined(environment: Environment, databaseUrl?: string): Promise<string[]> {
  const findings = await Array.fromAsync(examine({ environment, databaseUrl }, signal));
  return findings.map(outline);
}

const outline = ({ level, area, message, mend }: Finding): string =>
  [`${level} ${area}: ${message}`, ...mend].join(" | ");

const faultsIn = (findings: readonly string[]): string[] => findings.filter((line) => !line.startsWith("OK"));

describe("the doctor", () => {
  it("finds nothing wrong where nothing is, and leaves no object in the store", async () => {
    const environment = await environmentWith();
    expect(faultsIn(await examined(environment))).toEqual([]);
    expect(await readdir(path.join(environment.dataDir, "store"))).not.toContain("holdfast-probe");
  });

  it("names every fault of a configuration, and looks at no database then", async () => {
    const environment = await environmentWith(
      `{ groups: { shop: { entities: { 1: {}, users: {} } } }, store: 1 }`,
    );
    const findings = await examined(environment);
    expect(faultsIn(findings).length).toBeGreaterThan(2);
    expect(faultsIn(findings).every((line) => line.startsWith("FAULT configuration: "))).toBe(true);
    expect(findings.at(-1)).toMatch(/^FAULT configuration/);
  });

  it("names tables that are not there, and a database that does not answer, and goes on", async () => {
    const findings = await examined(
      await environmentWith(`{ databases: { app: { url: ${JSON.stringify(app.url)} }, far: { url: "${NOWHERE}" } },
        groups: { shop: { entities: { things: { database: "app", tables: ["things", "thinks"] }, far: { database: "far", tables: ["x"] } } } } }`),
    );
    expect(faultsIn(findings)).toEqual([
      expect.stringContaining("FAULT database far: The database far cannot be reached: connect ECONNREFUSED"),
      expect.stringContaining("tables[1]: there is no table public.thinks in the database app"),
    ]);
    expect(findings.at(-1)).toMatch(/^OK store local/);
  });

  it("looks at another role's URL in the place of the only database", async () => {
    const environment = await environmentWith();
    expect(await examined(environment, NOWHERE)).toContainEqual(
      expect.stringContaining("FAULT database app: The database app cannot be reached"),
    );
  });

  it("names a store that does not work", async () => {
    const environment = await environmentWith();
    await writeFile(path.join(directory, "data"), "a file, where a directory should be made");
    const findings = await examined(environment);
    expect(faultsIn(findings)).toContainEqual(expect.stringMatching(/^FAULT store local: /));
  });

  it("names keys that others can read, or that can be guessed", async () => {
    const environment = await environmentWith();
    await mkdir(environment.dataDir, { mode: 0o700 });
    await ensureSecretKey(environment.dataDir);
    const file = path.join(environment.dataDir, "secret.key");
    await chmod(file, 0o644);
    expect(faultsIn(await examined(environment))).toEqual([
      `FAULT secret key: ${file} can be read by others | chmod 600 '${file}'`,
    ]);
    const guessable = { ...environment, secretKey: "a".repeat(40) };
    expect(faultsIn(await examined(guessable))).toEqual([
      expect.stringMatching(/could be guessed \| openssl/),
    ]);
  });

  it("names what a restore that died has left, and what removes it", async () => {
    const schema = "holdfast_restore_0123456789abcdef0123456789abcdef_2";
    await sql.unsafe(`create schema ${schema}; create table ${schema}.t1 (id int)`);
    const [found, ...others] = faultsIn(await examined(await environmentWith()));
    expect(others).toEqual([]);
    const [message = "", statement = ""] = found?.split(" | ") ?? [];
    expect(message).toContain("01234567-89ab-cdef-0123-456789abcdef (attempt 2)");
    await sql.unsafe(statement);
    expect(faultsIn(await examined(await environmentWith()))).toEqual([]);
  });

  it("names Holdfast's tables where they are missing, or of a later version", async () => {
    await using empty = await createDatabase();
    const environment = { ...(await environmentWith()), databaseUrl: empty.url };
    expect(faultsIn(await examined(environment))).toEqual([
      expect.stringMatching(
        /^WARNING database holdfast: \d+ migrations are still to be applied.* \| holdfast migrate$/,
      ),
    ]);
    const client = postgres(own.url, { max: 1, onnotice: () => undefined });
    await client`insert into drizzle.__drizzle_migrations (hash, created_at) values ('later', 9999999999999)`;
    await client.end();
    expect(faultsIn(await examined(await environmentWith()))).toEqual([
      expect.stringContaining("FAULT database holdfast: its tables are of a later version"),
    ]);
  });
});

describe("Redis", () => {
  const info = (version: string, policy: string, aof: string): string =>
    `# Server\r\nredis_version:${version}\r\nmaxmemory_policy:${policy}\r\naof_enabled:${aof}\r\n`;

  it("has to keep its jobs, and to be recent enough", () => {
    expect(faultsIn(judgeRedis(info("7.0.15", "noeviction", "1")).map(outline))).toEqual([]);
    expect(judgeRedis(info("4.0.9", "allkeys-lru", "0")).map(outline)).toEqual([
      "FAULT queue: Redis 4.0.9 is older than 5.0, which BullMQ needs",
      expect.stringMatching(
        /maxmemory-policy is allkeys-lru.* \| redis-cli config set maxmemory-policy noeviction$/,
      ),
      expect.stringMatching(
        /^WARNING queue: Redis keeps no append-only file.* \| redis-cli config set appendonly yes$/,
      ),
    ]);
    expect(judgeRedis(info("6.0.16", "noeviction", "1")).map(outline)).toEqual([
      "WARNING queue: Redis 6.0.16 is older than 6.2, which BullMQ recommends",
    ]);
  });

  it("has to answer", async () => {
    await expect(checkRedis("redis://127.0.0.1:1", signal)).rejects.toMatchObject({
      code: "QUEUE_UNREACHABLE",
      message: expect.stringContaining("ECONNREFUSED"),
    });
  });

  const redisUrl = process.env["REDIS_URL"];
  it.skipIf(redisUrl === undefined)("is asked over its own protocol", async () => {
    const redis = new Redis(redisUrl ?? "");
    const version = /redis_version:(\S+)/.exec(await redis.info())?.[1];
    redis.disconnect();
    expect((await checkRedis(redisUrl ?? "", signal))[0]).toMatchObject({ message: `Redis ${version}` });
  });
});

it("Node has to be what package.json asks for", () => {
  expect(checkNode().map(({ level }) => level)).toEqual(["OK"]);
  expect(checkNode("20.19.0")).toMatchObject([{ level: "FAULT", message: "version 20.19.0 is too old" }]);
});
