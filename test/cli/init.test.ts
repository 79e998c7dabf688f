// holdfast init: the file that it writes is one that works.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { readConfiguration } from "../../src/config/configuration.ts";
import { checkTables } from "../../src/runtime/check-tables.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { cli, runCli } from "./run-cli.ts";

let made: TestDatabase;
let directory: string;

beforeAll(async () => {
  made = await createDatabase();
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-init-"));
  const sql = postgres(made.url, { max: 1, onnotice: () => undefined });
  await sql.unsafe(await readFile(path.join(import.meta.dirname, "../proposal/schemas.sql"), "utf8"));
  await sql.unsafe("analyze appends.events");
  await sql.end();
});
afterAll(async () => {
  await rm(directory, { recursive: true });
  await made.drop();
});
afterEach(() => vi.unstubAllEnvs());

it(
  "writes a configuration that is valid for every table there can be, and holds no password",
  { timeout: 150_000 },
  async () => {
    const { stdout } = await cli(["init", "--yes"], { cwd: directory, env: { APP_DATABASE_URL: made.url } });
    expect(stdout).toContain("holdfast.config.ts is written");
    expect(stdout).toContain("aside.seen is a view");
    const file = path.join(directory, "holdfast.config.ts");
    const text = await readFile(file, "utf8");
    const { password } = new URL(made.url);
    expect(password).not.toBe("");
    expect(text + stdout).not.toContain(password);
    expect(text).toContain("// - aside.seen is a view");

    vi.stubEnv("APP_DATABASE_URL", made.url);
    const configuration = await readConfiguration({ configFile: file, dataDir: directory });
    const warnings = await checkTables(configuration, configuration.databaseUrls);
    expect(warnings).toEqual([]);
    const { catalog } = configuration;
    expect(catalog.entities.get("EVENTS")).toMatchObject({ group: "APPENDS", optIn: true, database: "app" });
    expect(catalog.entities.get("PLAYLIST")).toMatchObject({
      tables: [
        { schema: "music", name: "playlist" },
        { schema: "music", name: "playlist_track" },
      ],
      readPermissions: ["READ_MUSIC"],
    });
    expect([...catalog.entities.keys()]).toEqual(expect.arrayContaining(["USERS", "TOKENS", "AUDIT_LOGS"]));

    // What is there is not overwritten, unless that is said; and before anything is asked of the database.
    const again = await runCli(["init", "--yes"], {
      cwd: directory,
      env: { APP_DATABASE_URL: "postgres://nowhere.invalid/x" },
    });
    expect([again.code, again.stderr]).toEqual([
      2,
      expect.stringContaining("holdfast.config.ts is there already"),
    ]);
    await cli(["init", "--yes", "--force", "--schema", "music"], {
      cwd: directory,
      env: { APP_DATABASE_URL: made.url },
    });
    expect(await readFile(file, "utf8")).not.toContain("appends");
  },
);

it("prints the proposal as JSON", async () => {
  const { stdout } = await cli(
    ["init", "--database-url", made.url, "--schema", "music", "--json", "--output", "other.ts"],
    { cwd: directory },
  );
  expect(JSON.parse(stdout)).toMatchObject({
    file: "other.ts",
    groups: [
      { name: "customer", entities: [{ name: "customer" }, { name: "invoice" }] },
      { name: "employee" },
      { name: "track" },
    ],
    leftOut: [],
  });
});
