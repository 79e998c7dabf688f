// A data directory backed up and restored while no server runs, a file for each group.
import { mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startEmbedded } from "../../src/embedded/embedded.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import postgres from "postgres";
import { fingerprints, type Fingerprints } from "../support/fingerprints.ts";
import { damage } from "./fixtures/damage.ts";
import { withServer } from "./own-server.ts";
import { cli, runCli } from "./run-cli.ts";

const TIMEOUT = { timeout: 240_000 };
const FILES = ["audit.db", "auth.db", "config.db", "log.db", "workspace.db"];
const ADMIN_PASSWORD = "the first password";

let directory: string;
let before: Fingerprints;

const dataDir = () => path.join(directory, ".holdfast");
const holdfast = (...args: string[]) => cli(args, { cwd: directory });
const attempt = (...args: string[]) => runCli(args, { cwd: directory });

/** Looks at the database in the data directory while nothing else has it. */
async function withDatabase<T>(act: (url: string) => Promise<T>): Promise<T> {
  const embedded = await startEmbedded({ dataDir: dataDir() });
  try {
    return await act(embedded.url);
  } finally {
    await embedded.stop();
  }
}

async function run(url: string, ...statements: string[]): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  for (const statement of statements) await sql.unsafe(statement);
  await sql.end();
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-admin-"));
  await withServer(dataDir(), { HOLDFAST_ADMIN_PASSWORD: ADMIN_PASSWORD }, ({ sql }) =>
    seedPlatform(sql, SMALL_SIZES),
  );
  before = await withDatabase((url) => fingerprints(url));
}, 240_000);
afterAll(() => rm(directory, { recursive: true }));

it("is refused while a server runs, and changes nothing", TIMEOUT, async () => {
  await withServer(dataDir(), {}, async () => {
    for (const command of [["backup"], ["restore", "--yes"]]) {
      expect(await attempt("admin", ...command, "--backup-dir", "refused")).toMatchObject({ code: 1 });
    }
    const refused = await attempt("admin", "backup", "--backup-dir", "refused");
    expect(refused.stderr).toContain("error[EMBEDDED_IN_USE]");
    expect(await readdir(directory)).not.toContain("refused");
  });
});

it("writes a file for each group and nothing to any table", TIMEOUT, async () => {
  // Where each row lies, and the transaction that wrote it there: a row that was written again would be another.
  const places = "t.ctid::text || ' ' || t.xmin::text || ' ' || t::text";
  const lying = await withDatabase((url) => fingerprints(url, places));
  const { stdout } = await holdfast("admin", "backup", "--backup-dir", "backup");
  expect(await readdir(path.join(directory, "backup"))).toEqual(FILES);
  for (const name of FILES) {
    expect((await stat(path.join(directory, "backup", name))).mode & 0o777).toBe(0o600);
    expect(stdout).toContain(name);
  }
  expect(await withDatabase((url) => fingerprints(url, places))).toEqual(lying);
});

it("restores over what was damaged and keeps what came later", TIMEOUT, async () => {
  await withDatabase(async (url) => {
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    await damage(sql);
    await sql`INSERT INTO platform.users (username) VALUES ('came later')`;
    await sql.end();
  });
  const { stdout } = await holdfast("admin", "restore", "--backup-dir", "backup");
  expect(stdout).toContain("Restored: ");
  await withDatabase(async (url) => {
    const sql = postgres(url, { max: 1 });
    expect(await sql`SELECT FROM platform.users WHERE username = 'came later'`).toHaveLength(1);
    await sql.end();
    await run(url, "DELETE FROM platform.users WHERE username = 'came later'");
    expect(await fingerprints(url)).toEqual(before);
  });
});

it("--mode replace deletes what came later", TIMEOUT, async () => {
  await withDatabase((url) => run(url, "INSERT INTO platform.users (username) VALUES ('came later')"));
  const refused = await attempt("admin", "restore", "--backup-dir", "backup", "--mode", "replace");
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("--yes") });
  await holdfast("admin", "restore", "--backup-dir", "backup", "--mode", "replace", "--yes");
  expect(await withDatabase((url) => fingerprints(url))).toEqual(before);
});

it(
  "makes a new database where the data directory was deleted, with the old users and passwords",
  TIMEOUT,
  async () => {
    await rm(dataDir(), { recursive: true });
    await holdfast("admin", "restore", "--backup-dir", "backup");
    expect(await withDatabase((url) => fingerprints(url))).toEqual(before);
    await withServer(
      dataDir(),
      { HOLDFAST_ADMIN_PASSWORD: "another password" },
      async ({ signIn, request, sql }) => {
        expect(await signIn("admin", "another password")).toMatchObject({ status: 401 });
        const { status, token } = await signIn("admin", ADMIN_PASSWORD);
        expect(status).toBe(200);
        expect((await request("GET", "/auth/whoami", undefined, token)).json).toMatchObject({
          user: { name: "admin" },
        });
        // Whoever comes next gets an id that nobody has.
        await sql`INSERT INTO platform.users (username) VALUES ('came later')`;
        await sql`DELETE FROM platform.users WHERE username = 'came later'`;
      },
    );
  },
);

it("the restored admin wins over the one that a server has made meanwhile", TIMEOUT, async () => {
  await rm(dataDir(), { recursive: true });
  await withServer(dataDir(), { HOLDFAST_ADMIN_PASSWORD: "made meanwhile" }, async () => undefined);
  await holdfast("admin", "restore", "--backup-dir", "backup");
  await withServer(dataDir(), {}, async ({ signIn }) => {
    expect(await signIn("admin", "made meanwhile")).toMatchObject({ status: 401 });
    expect(await signIn("admin", ADMIN_PASSWORD)).toMatchObject({ status: 200 });
  });
});

it("reads logs.db as well as log.db, and restores only the files that are there", TIMEOUT, async () => {
  await holdfast("admin", "backup", "--backup-dir", "some");
  for (const name of FILES) if (name !== "log.db") await rm(path.join(directory, "some", name));
  await rename(path.join(directory, "some/log.db"), path.join(directory, "some/logs.db"));
  await withDatabase((url) =>
    run(url, "UPDATE platform.log_entries SET message = ''", "UPDATE platform.spaces SET name = ''"),
  );
  const { stdout } = await holdfast("admin", "restore", "--backup-dir", "some", "--json");
  expect(JSON.parse(stdout)).toMatchObject({
    files: [{ file: "some/logs.db" }],
    mode: "MERGE",
    dryRun: false,
  });
  await withDatabase(async (url) => {
    const after = await fingerprints(url);
    expect(after["platform.log_entries"]).toBe(before["platform.log_entries"]);
    expect(after["platform.spaces"]).not.toBe(before["platform.spaces"]);
  });
  await holdfast("admin", "restore", "--backup-dir", "backup");
});

it("changes nothing at all when one of the files cannot be restored", TIMEOUT, async () => {
  await holdfast("admin", "backup", "--backup-dir", "mixed");
  await rename(path.join(directory, "mixed/audit.db"), path.join(directory, "mixed/workspace.db"));
  await withDatabase((url) => run(url, "UPDATE platform.users SET display_name = 'damaged'"));
  const damaged = await withDatabase((url) => fingerprints(url));
  const foreign = await attempt("admin", "restore", "--backup-dir", "mixed");
  expect(foreign).toMatchObject({ code: 1, stderr: expect.stringContaining("error[FOREIGN_CONTENTS]") });
  await writeFile(path.join(directory, "mixed/workspace.db"), "");
  const empty = await attempt("admin", "restore", "--backup-dir", "mixed");
  expect(empty).toMatchObject({ code: 1, stderr: expect.stringContaining("error[ARTIFACT_INCOMPLETE]") });
  expect(await withDatabase((url) => fingerprints(url))).toEqual(damaged);
  await holdfast("admin", "restore", "--backup-dir", "backup");
});

it("is encrypted when asked, and one passphrase opens all of it", TIMEOUT, async () => {
  await writeFile(path.join(directory, "secret"), "correct horse battery staple\n", { mode: 0o600 });
  await writeFile(path.join(directory, "wrong"), "battery\n", { mode: 0o600 });
  await holdfast("admin", "backup", "--backup-dir", "sealed", "--encrypt", "--passphrase-file", "secret");
  const { stdout } = await holdfast("inspect", "-i", "sealed/auth.db", "--json");
  expect(JSON.parse(stdout)).toMatchObject({ encryption: "PASSPHRASE", contents: null });
  const refused = await attempt("admin", "restore", "--backup-dir", "sealed", "--passphrase-file", "wrong");
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("error[WRONG_PASSPHRASE]") });
  await holdfast("admin", "restore", "--backup-dir", "sealed", "--passphrase-file", "secret", "--dry-run");
});

it("says what is missing: a database, a backup, one database of two", TIMEOUT, async () => {
  expect(await attempt("admin", "backup", "--backup-dir", "x", "--data-dir", "nowhere")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("error[NOT_FOUND]: There is no database in nowhere."),
  });
  expect(await readdir(directory)).not.toContain("nowhere");
  expect(await attempt("admin", "restore", "--backup-dir", "nowhere")).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("auth.db, config.db, log.db"),
  });
  expect(
    await attempt(
      "admin",
      "backup",
      "--backup-dir",
      "x",
      "--data-dir",
      ".holdfast",
      "--database-url",
      "postgres://x/y",
    ),
  ).toMatchObject({ code: 2 });
});
