// The examples of docs/configuration.md, read as they stand there.
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { readConfiguration } from "../../src/config/configuration.ts";
import type { Configuration } from "../../src/config/file/read.ts";
import { openLedger } from "../../src/ledger/connect.ts";
import { createDatabase } from "../support/postgres.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const SCHEMA = `
  import { integer, pgTable } from "drizzle-orm/pg-core";
  export const customers = pgTable("customers", { id: integer().primaryKey() });
  export const addresses = pgTable("addresses", { id: integer().primaryKey() });`;
const SECRETS = [
  ...["KEY_PASSPHRASE", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "S3_SESSION_TOKEN", "CHAT_SECRET"],
];

/** The blocks of a language, in order. */
async function examples(language: string, file = "docs/configuration.md"): Promise<string[]> {
  const page = await readFile(path.join(ROOT, file), "utf8");
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))].map(
    ([, code = ""]) => code,
  );
}

let directory: string;
let read: Configuration[];
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-docs-"));
  await mkdir(path.join(directory, "db"));
  await writeFile(path.join(directory, "db/schema.ts"), SCHEMA);
  await symlink(path.join(ROOT, "node_modules"), path.join(directory, "node_modules"));
  for (const name of SECRETS) vi.stubEnv(name, "a secret");
  vi.stubEnv("APP_DATABASE_URL", "postgres://db/app");
  vi.stubEnv("METRICS_DATABASE_URL", "postgres://db/metrics");
  vi.stubEnv("CHAT_WEBHOOK", "https://chat.example.org/hook");
  read = [];
  for (const [place, code] of [...(await examples("ts")), ...(await examples("ts", "README.md"))].entries()) {
    const configFile = path.join(directory, `example-${place}.ts`);
    await writeFile(configFile, code);
    read.push(await readConfiguration({ configFile, dataDir: directory }));
  }
});
afterAll(async () => {
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true, force: true });
});

describe("docs/configuration.md", () => {
  it("has examples that can be read, with entities, stores and those who are told", () => {
    const own = ["USERS", "ROLES", "GROUPS", "TOKENS", "CONFIG_VALUES", "AUDIT_LOGS"];
    const [first, drizzle, stores, notify] = read;
    const readme = read.at(-1);
    expect([...(first?.catalog.entities.keys() ?? [])]).toEqual(["CUSTOMERS", "ORDERS", "EVENTS", ...own]);
    expect([...(readme?.catalog.entities.keys() ?? [])]).toEqual(["CUSTOMERS", "ORDERS", ...own]);
    expect(drizzle?.catalog.entities.get("CUSTOMERS")?.tables).toHaveLength(2);
    expect(drizzle?.places.get("SAMPLES")?.keyless).toBe(true);
    expect([...(stores?.stores.values() ?? [])].map(({ kind }) => kind)).toEqual(["fs", "sftp", "s3"]);
    expect(notify?.notify.map(({ name }) => name)).toEqual(["chat", "notify[1]"]);
  });

  it("names every key that a file may have", async () => {
    const sources = ["src/config/define.ts", "src/core/store-declaration.ts"];
    const page = await readFile(path.join(ROOT, "docs/configuration.md"), "utf8");
    for (const source of sources) {
      const code = await readFile(path.join(ROOT, source), "utf8");
      const keys = [...code.matchAll(/^ {2}readonly (\w+)\??:/gm)].map(([, key = ""]) => key);
      const missing = keys.filter((key) => !["_", "kind"].includes(key) && !page.includes(key));
      expect(keys.length).toBeGreaterThan(5);
      expect(missing).toEqual([]);
    }
  });

  it("gives a role in SQL that holds what it says", async () => {
    await using database = await createDatabase({ migrated: true });
    const ledger = openLedger(database.url);
    await ledger.sql`INSERT INTO platform.users (username, password_hash) VALUES ('ana', 'x')`;
    const [statements = ""] = await examples("sql");
    await ledger.sql.unsafe(statements);
    const rows = await ledger.sql`
      SELECT r.permissions FROM platform.user_roles u JOIN platform.roles r ON r.id = u.role_id`;
    await ledger.close();
    expect(rows).toEqual([{ permissions: ["READ_PEOPLE", "WRITE_PEOPLE"] }]);
  });
});
