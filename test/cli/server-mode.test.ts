// Commands that work through a server: a whole stack with its worker, and the command line beside it.
import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { once } from "node:events";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Backend } from "../../src/cli/backend/backend.ts";
import { keepBackup, restoreKept } from "../../src/cli/backend/kept.ts";
import { openServerBackend } from "../../src/cli/backend/server.ts";
import { openServerApi, type Api } from "../../src/cli/client/api.ts";
import { readLogins } from "../../src/cli/client/credentials.ts";
import { openInput } from "../../src/cli/files/input.ts";
import { writeOutput } from "../../src/cli/files/output.ts";
import type { ShownProgress } from "../../src/cli/terminal/progress.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { startStack, type Stack } from "../../src/runtime/stack.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { cli, runCli, startCli, type CliOptions } from "./run-cli.ts";

const PASSWORD = "correct horse";
/** Each command is a process of its own, which loads all of the program. */
const PATIENT = { timeout: 180_000 };
let database: TestDatabase;
let stack: Stack;
let sql: Sql;
let directory: string;
let token: string;
let backend: Backend;
let api: Api;
const shown: ShownProgress[] = [];
const control = { signal: new AbortController().signal, onProgress: (at: ShownProgress) => shown.push(at) };

const environmentOf = (dataDir: string) =>
  readEnvironment({
    HOLDFAST_DATABASE_URL: database.url,
    HOLDFAST_DATA_DIR: dataDir,
    HOLDFAST_ADMIN_PASSWORD: PASSWORD,
    HOLDFAST_SECRET_KEY: "k".repeat(32),
    PORT: "0",
    ...(process.env["REDIS_URL"] && { REDIS_URL: process.env["REDIS_URL"] }),
  });
const at = (name: string) => path.join(directory, name);
const here = (env: Record<string, string> = {}): CliOptions => ({ cwd: directory, env });
const signedIn = () => here({ HOLDFAST_SERVER: stack.url, HOLDFAST_TOKEN: token });

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-server-mode-"));
  database = await createDatabase({ migrated: true });
  stack = await startStack(environmentOf(at("data")), {});
  sql = postgres(database.url, { max: 1 });
  await sql`
    WITH space AS (INSERT INTO platform.spaces (slug, name) VALUES ('home', 'Home') RETURNING id)
    INSERT INTO platform.templates (space_id, name) SELECT id, 't' || n FROM space, generate_series(1, 20) n`;
  await sql`INSERT INTO platform.variables (name, value) VALUES ('colour', 'blue')`;
  await writeFile(at("password"), `${PASSWORD}\n`, { mode: 0o600 });
  const login = await fetch(`${stack.url}/api/v1/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "admin", password: PASSWORD }),
  });
  ({ token } = await login.json());
  backend = openServerBackend({ server: stack.url, token });
  api = openServerApi({ server: stack.url, token }, new AbortController().signal);
});

afterAll(async () => {
  await sql?.end();
  await stack?.close();
  await database?.drop();
  await rm(directory, { recursive: true, force: true });
});

const templates = async () =>
  (await sql<{ name: string }[]>`SELECT name FROM platform.templates ORDER BY name`).map(({ name }) => name);

describe("holdfast login", PATIENT, () => {
  const config = () => at("login/.config/holdfast/credentials.json");
  const home = () => here({ HOME: at("login") });

  it("keeps a token for its user alone, which later commands use, until holdfast logout", async () => {
    const signIn = ["login", "--server", `${stack.url}/`, "--username", "admin", "--password-file"];
    await cli([...signIn, at("password")], home());
    expect((await stat(config())).mode & 0o777).toBe(0o600);
    expect(await readFile(config(), "utf8")).not.toContain(PASSWORD);

    const { stdout } = await cli(["stores", "list", "--json"], home());
    expect(JSON.parse(stdout)).toMatchObject([{ name: "local", kind: "fs", default: true }]);

    const kept = await readLogins(config());
    await cli(["logout"], home());
    const copied = here({ HOLDFAST_SERVER: stack.url, HOLDFAST_TOKEN: kept.get(stack.url)?.token ?? "" });
    expect((await runCli(["stores", "list"], copied)).stderr).toContain("error[UNAUTHENTICATED]");
    const refused = await runCli(["stores", "list", "--server", stack.url], home());
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("error[UNAUTHENTICATED]") });
    expect(refused.stderr).toContain(`holdfast login --server ${stack.url}`);
  });

  it("keeps nothing when the password is wrong", async () => {
    await writeFile(at("wrong"), "not it\n", { mode: 0o600 });
    const signIn = ["login", "--server", stack.url, "--username", "admin", "--password-file", at("wrong")];
    const wrong = here({ HOME: at("nobody") });
    expect(await runCli(signIn, wrong)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("error[BAD_CREDENTIALS]"),
    });
    await expect(stat(at("nobody"))).rejects.toThrow("ENOENT");
  });
});

describe("a backup through a server", PATIENT, () => {
  it("is downloaded whole into a file for its user alone, with the server's progress on the way", async () => {
    const made = await cli(
      ["backup", "--groups", "workspace", "--output", "workspace.tar", "--json"],
      signedIn(),
    );
    expect(JSON.parse(made.stdout)).toMatchObject({
      entities: ["TEMPLATES", "SPACES", "VARIABLES"],
      rows: 22,
    });
    expect(made.stderr).toContain("downloading, 100 %");
    expect((await stat(at("workspace.tar"))).mode & 0o777).toBe(0o600);
    await cli(["verify", "--input", "workspace.tar"], here());
  });

  it("stays with the server where no file is named, and its id is printed", async () => {
    const { stdout } = await cli(["backup", "--entities", "variables"], signedIn());
    const id = /^Its id is (\S+)\.$/m.exec(stdout)?.[1] ?? "";
    const listed = JSON.parse((await cli(["backups", "list", "--limit", "1", "--json"], signedIn())).stdout);
    expect(listed).toMatchObject([
      { id, status: "SUCCEEDED", entities: ["VARIABLES"], requestedBy: "admin" },
    ]);
    await cli(["backups", "download", id, "--output", "variables.tar"], signedIn());
    await cli(["verify", "--input", "variables.tar"], here());
  });

  it("is written as JSON under such a name", async () => {
    await cli(["backup", "--entities", "variables", "--output", "variables.json"], signedIn());
    expect(await readFile(at("variables.json"), "utf8")).toContain('"blue"');
  });

  it("leaves no file when the server refuses it", async () => {
    const { stdout } = await cli(
      ["tokens", "create", "--name", "logs", "--permissions", "read-streams"],
      signedIn(),
    );
    const limited = { ...signedIn().env, HOLDFAST_TOKEN: stdout.trim() };
    const refused = await runCli(["backup", "--groups", "auth", "--output", "auth.db"], here(limited));
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/error\[FORBIDDEN\].*READ_ACLS/),
    });
    await expect(stat(at("auth.db"))).rejects.toThrow("ENOENT");
  });

  it("is cancelled at the server when the command is interrupted", async () => {
    // Nobody works on it, so that it waits for the interrupt.
    await using other = await createDatabase({ migrated: true });
    const environment = { ...environmentOf(at("idle")), databaseUrl: other.url, redisUrl: undefined };
    const idle = await startStack(environment, { worker: false });
    try {
      const env = { HOLDFAST_SERVER: idle.url, HOME: at("idle-home") };
      const signIn = [
        "login",
        "--server",
        idle.url,
        "--username",
        "admin",
        "--password-file",
        at("password"),
      ];
      await cli(signIn, here(env));
      const child = startCli(["backup", "--output", "never.tar"], here(env));
      if (child.stderr !== null) await once(child.stderr, "data");
      child.kill("SIGINT");
      expect(await once(child, "close")).toEqual([130, null]);
      const { stdout } = await cli(["backups", "list", "--json"], here(env));
      expect(JSON.parse(stdout)).toMatchObject([{ status: "CANCELLED" }]);
      await expect(stat(at("never.tar"))).rejects.toThrow("ENOENT");
    } finally {
      await idle.close();
    }
  });
});

describe("a restore through a server", PATIENT, () => {
  const encryption = { kind: "PASSPHRASE", passphrase: "Blätter im Wind" } as const;
  const unlock = { passphrase: encryption.passphrase };
  const whole = { mode: "MERGE", dryRun: false } as const;

  it("puts back the chosen entities of a backup that the server keeps", async () => {
    const before = await templates();
    const { id } = await keepBackup(api, { selection: { groups: ["WORKSPACE"] }, encryption }, control);
    await sql`DELETE FROM platform.templates WHERE name < 't2'`;
    await sql`UPDATE platform.variables SET value = 'red'`;
    const restore = ["restore", "--backup", id, "--templates", "--json"];
    const env = { ...signedIn().env, HOLDFAST_PASSPHRASE: encryption.passphrase };
    const { stdout } = await cli(restore, here(env));
    expect(JSON.parse(stdout)).toMatchObject({
      backup: id,
      changes: [{ entity: "TEMPLATES", inserted: 11 }, {}],
    });
    expect(await templates()).toEqual(before);
    expect(await sql`SELECT value FROM platform.variables`).toEqual([{ value: "red" }]);
    await sql`UPDATE platform.variables SET value = 'blue'`;
  });

  it("does exactly what the preview said, or nothing", async () => {
    const { id } = await keepBackup(api, { selection: { entities: ["TEMPLATES"] }, encryption }, control);
    await sql`DELETE FROM platform.templates WHERE name = 't3'`;
    const preview = await restoreKept(api, id, { ...whole, unlock, dryRun: true }, control);
    expect(await templates()).not.toContain("t3");
    await sql`DELETE FROM platform.templates WHERE name = 't4'`;
    const changed = restoreKept(api, id, { ...whole, unlock, expectPlan: preview.plan }, control);
    await expect(changed).rejects.toMatchObject({ code: "PLAN_CHANGED" });
    const again = await restoreKept(api, id, { ...whole, unlock, dryRun: true }, control);
    await restoreKept(api, id, { ...whole, unlock, expectPlan: again.plan }, control);
    expect(await templates()).toEqual(expect.arrayContaining(["t3", "t4"]));
  });

  it("takes a file of one group, encrypted or as JSON, and holds it to its preview", async () => {
    const selection = { groups: ["WORKSPACE"] };
    await writeOutput(at("group.enc"), ({ stream }) =>
      backend.backUp({ selection, encryption }, stream, control),
    );
    await using input = await openInput(at("group.enc"), control.signal);
    await sql`DELETE FROM platform.templates WHERE name = 't5'`;
    const preview = await backend.restore({ ...whole, input, unlock, dryRun: true }, control);
    expect(preview.changes).toContainEqual(expect.objectContaining({ entity: "TEMPLATES", inserted: 1 }));
    expect(await templates()).not.toContain("t5");
    const other = { ...whole, input, unlock, expectPlan: randomUUID() };
    await expect(backend.restore(other, control)).rejects.toMatchObject({ code: "PLAN_CHANGED" });
    await backend.restore({ ...whole, input, unlock, expectPlan: preview.plan }, control);
    expect(await templates()).toContain("t5");

    await using document = await openInput(at("variables.json"), control.signal);
    await sql`DELETE FROM platform.variables`;
    await backend.restore({ ...whole, input: document, unlock: {} }, control);
    expect(await sql`SELECT value FROM platform.variables`).toEqual([{ value: "blue" }]);
    expect(shown.map(({ phase }) => phase)).toContain("uploading");
  });

  it("says what to do with a file of several groups, and with a part of a file", async () => {
    await cli(["backup", "--entities", "templates,roles", "--output", "two.tar"], signedIn());
    for (const what of [
      ["--input", "two.tar"],
      ["--input", "workspace.tar", "--templates"],
    ]) {
      const refused = await runCli(["restore", ...what], signedIn());
      expect(refused).toMatchObject({ code: 2, stdout: "" });
      expect(refused.stderr).toMatch(/^hint: .*leave out --server.*--backup ID/m);
    }
  });

  it("is listed, and shown with what it changed", async () => {
    const [latest] = JSON.parse((await cli(["restores", "list", "--json"], signedIn())).stdout);
    expect(latest).toMatchObject({ status: "SUCCEEDED", mode: "MERGE", dryRun: false });
    const { stdout } = await cli(["restores", "show", latest.id], signedIn());
    expect(stdout).toContain("2 rows inserted");
    const finished = await runCli(["restores", "cancel", latest.id], signedIn());
    expect(finished).toMatchObject({ code: 1, stderr: expect.stringContaining("error[ALREADY_FINISHED]") });
  });
});

describe("holdfast tokens", PATIENT, () => {
  it("prints a new token alone, and a deleted one is refused", async () => {
    const created = await cli(["tokens", "create", "--name", "ci", "--expires", "2090-01-31"], signedIn());
    const { stdout } = await cli(["tokens", "list"], signedIn());
    const id = /^(\S+) +ci /m.exec(stdout)?.[1] ?? "";
    const own = here({ HOLDFAST_SERVER: stack.url, HOLDFAST_TOKEN: created.stdout.trim() });
    await cli(["stores", "list"], own);
    await cli(["tokens", "delete", id], signedIn());
    expect(await runCli(["stores", "list"], own)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("error[UNAUTHENTICATED]"),
    });
  });
});
