// Every way to choose what is restored, against the real database.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import path from "node:path";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { fingerprints, platformTables, type Fingerprints } from "../support/fingerprints.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { damage } from "./fixtures/damage.ts";
import { cli, runCli } from "./run-cli.ts";

let directory: string;
let database: TestDatabase;
let sql: Sql;
let before: Fingerprints;

const PASSPHRASE = "correct horse battery staple";
const environment = () => ({ HOLDFAST_DATABASE_URL: database.url, HOLDFAST_PASSPHRASE: PASSPHRASE });
const holdfast = (...args: string[]) => cli(args, { cwd: directory, env: environment() });

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-selective-"));
  database = await createDatabase({ migrated: true });
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  await seedPlatform(sql, SMALL_SIZES);
  before = await fingerprints(database.url);
  await holdfast("backup", "-o", "full.json", "--include-audit", "--include-config");
  await holdfast("backup", "-o", "full.enc", "--encrypt", "--include-audit", "--include-config");
}, 120_000);

afterAll(async () => {
  await sql.end();
  await database.drop();
  await rm(directory, { recursive: true });
});

/** What the tables hold when these entities are back, and the others are as they were. */
function withRestored(entities: readonly string[], others: Fingerprints): Fingerprints {
  const back = new Set(platformTables(entities));
  return Object.fromEntries(
    Object.entries(others).map(([table, hash]) => [table, (back.has(table) ? before[table] : hash) ?? ""]),
  );
}

const ALONE = {
  "--users": "USERS",
  "--groups": "GROUPS",
  "--roles": "ROLES",
  "--tokens": "TOKENS",
  "--templates": "TEMPLATES",
  "--spaces": "SPACES",
  "--variables": "VARIABLES",
  "--pipelines": "PIPELINES",
  "--transformers": "TRANSFORMERS",
  "--alerts": "ALERTS",
  "--streams": "STREAMS",
  "--audit": "AUDIT_LOGS",
  "--config": "CONFIG_VALUES",
};
const TOGETHER: readonly (readonly [args: readonly string[], entities: readonly string[]])[] = [
  [
    ["--users", "--groups"],
    ["USERS", "GROUPS"],
  ],
  [
    ["--roles", "--entities", "audit-logs,CONFIG_VALUES"],
    ["ROLES", "AUDIT_LOGS", "CONFIG_VALUES"],
  ],
  [Object.keys(ALONE), Object.values(ALONE)],
  [[], Object.values(ALONE)],
];

it("there is an option for every entity of the platform", () => {
  expect(Object.values(ALONE).toSorted()).toEqual([...platformCatalog.entities.keys()].toSorted());
});

it("the damage reaches every table", async () => {
  await damage(sql);
  const damaged = await fingerprints(database.url);
  expect(platformTables().filter((table) => damaged[table] === before[table])).toEqual([]);
});

it.each(Object.entries(ALONE))(
  "%s brings back %s from JSON, and nothing else",
  { timeout: 180_000 },
  async (flag, entity) => {
    await damage(sql);
    const damaged = await fingerprints(database.url);
    const { stdout } = await holdfast("restore", "-i", "full.json", flag, "--json");
    expect(await fingerprints(database.url)).toEqual(withRestored([entity], damaged));
    const result = JSON.parse(stdout) as {
      mode: string;
      changes: { entity: string; updated: number; inserted: number }[];
    };
    expect(new Set(result.changes.map((change) => change.entity))).toEqual(new Set([entity]));
    expect(result.changes.some(({ updated, inserted }) => updated + inserted > 0)).toBe(true);
  },
);

it.each(TOGETHER)(
  "%j together bring back %j from an encrypted backup, and nothing else",
  { timeout: 180_000 },
  async (args, entities) => {
    await damage(sql);
    const damaged = await fingerprints(database.url);
    await holdfast("restore", "-i", "full.enc", ...args);
    expect(await fingerprints(database.url)).toEqual(withRestored(entities, damaged));
  },
);

it(
  "an entity that the backup does not hold is refused, and nothing is changed",
  { timeout: 180_000 },
  async () => {
    await holdfast("backup", "-o", "plain.tar");
    await damage(sql);
    const damaged = await fingerprints(database.url);
    const refused = await runCli(["restore", "-i", "plain.tar", "--audit", "--users"], {
      cwd: directory,
      env: environment(),
    });
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("error[ENTITY_NOT_IN_BACKUP]"),
    });
    expect(await fingerprints(database.url)).toEqual(damaged);
  },
);

it(
  "audit logs and configuration values are backed up only when asked for",
  { timeout: 180_000 },
  async () => {
    const held = async (...flags: string[]): Promise<string[]> => {
      const { stdout } = await holdfast("backup", "-o", "some.tar", "--json", ...flags);
      return (JSON.parse(stdout) as { entities: string[] }).entities;
    };
    const plain = await held();
    expect(plain).not.toContain("AUDIT_LOGS");
    expect(plain).not.toContain("CONFIG_VALUES");
    expect(plain).toHaveLength(11);
    expect(await held("--include-audit")).toEqual([...plain, "AUDIT_LOGS"]);
    expect(await held("--include-config")).toEqual([...plain, "CONFIG_VALUES"]);
    expect(await held("--include-config", "--include-audit")).toEqual([
      ...plain,
      "CONFIG_VALUES",
      "AUDIT_LOGS",
    ]);
    expect(await held("--entities", "spaces,roles")).toEqual(["ROLES", "SPACES"]);
    expect(await held("--groups", "auth", "--include-audit")).toEqual([
      "USERS",
      "ROLES",
      "GROUPS",
      "TOKENS",
      "AUDIT_LOGS",
    ]);
  },
);

it("what was done stands in the audit log, by whom and to what", async () => {
  const rows = await sql`
    SELECT actor, action, target, details FROM platform.audit_logs WHERE actor LIKE 'cli:%' ORDER BY id DESC LIMIT 1`;
  expect(rows).toMatchObject([
    {
      actor: `cli:${userInfo().username}`,
      action: "backup.made",
      target: expect.stringMatching(/^backup:[0-9a-f-]{36}$/),
      details: { entities: expect.arrayContaining(["TOKENS", "AUDIT_LOGS"]), encryption: "NONE" },
    },
  ]);
});
