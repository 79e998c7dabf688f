// What the command line reads and writes: whole files or none, pipes, keys, and what an interrupt leaves behind.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { COMMAND } from "../support/command.ts";
import { fingerprints } from "../support/fingerprints.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { shell } from "../support/stock-tools.ts";
import { damage } from "./fixtures/damage.ts";
import { cli, runCli, startCli, type CliResult } from "./run-cli.ts";

const TIMEOUT = { timeout: 180_000 };
const PASSPHRASE = "correct horse battery staple";

let directory: string;
let database: TestDatabase;
let sql: Sql;
let passphrase: Record<string, string> = {};

const environment = () => ({
  HOLDFAST_DATABASE_URL: database.url,
  TMPDIR: path.join(directory, "tmp"),
  ...passphrase,
});
const holdfast = (...args: string[]): Promise<CliResult> => cli(args, { cwd: directory, env: environment() });
const attempt = (...args: string[]): Promise<CliResult> =>
  runCli(args, { cwd: directory, env: environment() });
const inDirectory = (name: string) => path.join(directory, name);

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-files-"));
  await mkdir(inDirectory("tmp"));
  database = await createDatabase({ migrated: true });
  sql = postgres(database.url, { max: 2, onnotice: () => undefined });
  await seedPlatform(sql, SMALL_SIZES);
  await holdfast("backup", "-o", "plain.tar");
}, 120_000);
afterAll(async () => {
  await sql.end();
  await database.drop();
  await rm(directory, { recursive: true });
});
beforeEach(() => {
  passphrase = {};
});

/** Neither an unfinished output nor an intermediate file. */
async function expectNothingLeftOver(): Promise<void> {
  expect(await readdir(inDirectory("tmp"))).toEqual([]);
  expect((await readdir(directory)).filter((name) => name.startsWith(".holdfast"))).toEqual([]);
}

const hashOf = async (file: string) =>
  createHash("sha256")
    .update(await readFile(inDirectory(file)))
    .digest("hex");

describe("an output", () => {
  it("is readable by its owner alone, also in the place of a file that was not", TIMEOUT, async () => {
    await writeFile(inDirectory("mine.tar"), "something else", { mode: 0o644 });
    await holdfast("backup", "-o", "mine.tar");
    expect((await stat(inDirectory("mine.tar"))).mode & 0o777).toBe(0o600);
    await holdfast("verify", "-i", "mine.tar");
    await expectNothingLeftOver();
  });

  it("goes where a link leads, and the link stays", TIMEOUT, async () => {
    await mkdir(inDirectory("elsewhere"));
    await writeFile(inDirectory("elsewhere/real.json"), "");
    await symlink("elsewhere/real.json", inDirectory("link.json"));
    await holdfast("backup", "-o", "link.json", "--entities", "roles");
    expect(JSON.parse(await readFile(inDirectory("elsewhere/real.json"), "utf8"))).toMatchObject({
      format: "holdfast-portable",
    });
    expect(await readdir(inDirectory("elsewhere"))).toEqual(["real.json"]);
  });

  it("is written to a pipe that has a name, and the pipe stays", TIMEOUT, async () => {
    execFileSync("mkfifo", [inDirectory("pipe")]);
    const backup = holdfast("backup", "-o", "pipe", "--entities", "roles");
    const received = await readFile(inDirectory("pipe"));
    await backup;
    expect((await stat(inDirectory("pipe"))).isFIFO()).toBe(true);
    await writeFile(inDirectory("received.tar"), received);
    await holdfast("verify", "-i", "received.tar");
  });

  it("is neither there nor overwritten when the backup fails", TIMEOUT, async () => {
    await writeFile(inDirectory("kept.tar"), "the last good one");
    await sql`ALTER TABLE platform.variables RENAME TO away`;
    try {
      for (const file of ["kept.tar", "never.tar", "never.json"]) {
        const failed = await attempt("backup", "-o", file);
        expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining("error[TABLE_MISSING]") });
        expect(failed.stderr).toContain("holdfast migrate");
      }
    } finally {
      await sql`ALTER TABLE platform.away RENAME TO variables`;
    }
    expect(await readFile(inDirectory("kept.tar"), "utf8")).toBe("the last good one");
    expect(await readdir(directory)).not.toContain("never.tar");
    expect(await readdir(directory)).not.toContain("never.json");
    await expectNothingLeftOver();
  });

  it("that cannot be written is named", TIMEOUT, async () => {
    const failed = await attempt("backup", "-o", "nowhere/backup.tar");
    expect(failed).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/error\[STORE_FAILED\]: nowhere\/backup\.tar/),
    });
    expect(await attempt("backup", "-o", ".")).toMatchObject({ code: 2 });
  });
});

describe("pipes", () => {
  it.each(["artifact", "json"])(
    "carry a backup as %s from one command into another",
    TIMEOUT,
    async (format) => {
      await damage(sql);
      const present = await fingerprints(database.url);
      const run = `env -i PATH="$PATH" HOLDFAST_DATABASE_URL='${database.url}' TMPDIR='${inDirectory("tmp")}' '${process.execPath}' '${COMMAND}'`;
      shell(
        `${run} backup -q -o - --format ${format} | tee piped | ${run} restore -q -i - --dry-run`,
        directory,
      );
      expect(await fingerprints(database.url)).toEqual(present);
      await expectNothingLeftOver();
      expect((await holdfast("inspect", "-i", "piped")).stdout).toContain("platform.users");
    },
  );

  it("carry progress and result beside the backup, on standard error", TIMEOUT, async () => {
    const { stdout, stderr } = await holdfast(
      "backup",
      "-o",
      "-",
      "--format",
      "json",
      "--entities",
      "roles",
      "--json",
    );
    expect(JSON.parse(stdout)).toMatchObject({ format: "holdfast-portable" });
    expect(stderr).toContain("copying");
    expect(JSON.parse(stderr.slice(stderr.indexOf("{")))).toMatchObject({ entities: ["ROLES"], file: "-" });
  });

  it("that break fail the backup", TIMEOUT, async () => {
    const run = `env -i PATH="$PATH" HOLDFAST_DATABASE_URL='${database.url}' '${process.execPath}' '${COMMAND}'`;
    const codes = shell(
      `set +e; ${run} backup -q -o - 2> broken.log | head -c 1000 > part; echo "\${PIPESTATUS[0]}"`,
      directory,
    );
    expect(codes.toString().trim()).toBe("1");
    expect(await readFile(inDirectory("broken.log"), "utf8")).toContain("error[STORE_FAILED]");
  });
});

describe("an input", () => {
  it.each([
    ["an empty file", "", "ARTIFACT_INCOMPLETE"],
    ["another program's JSON", '{"users": []}', "NOT_AN_ARTIFACT"],
    ["something else", "id,name\n1,a\n".repeat(100), "NOT_AN_ARTIFACT"],
  ])("that is %s is refused", TIMEOUT, async (_, contents, code) => {
    await writeFile(inDirectory("wrong"), contents);
    expect(await attempt("restore", "-i", "wrong")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`error[${code}]`),
    });
    await expectNothingLeftOver();
  });

  it("that is not there is named", TIMEOUT, async () => {
    expect(await attempt("restore", "-i", "nowhere.tar")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("error[NOT_FOUND]: There is no file nowhere.tar."),
    });
  });

  it.each(["cut.tar", "cut.json"])(
    "that was cut short (%s) is refused, and nothing is changed",
    TIMEOUT,
    async (file) => {
      await holdfast("backup", "-o", file);
      await truncate(inDirectory(file), (await stat(inDirectory(file))).size - 100);
      await damage(sql);
      const damaged = await fingerprints(database.url);
      expect(await attempt("restore", "-i", file)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("error[ARTIFACT_INCOMPLETE]"),
      });
      expect(await fingerprints(database.url)).toEqual(damaged);
      await expectNothingLeftOver();
    },
  );

  it("may be a directory with the objects of an artifact", TIMEOUT, async () => {
    await mkdir(inDirectory("unpacked"));
    shell("tar -xf plain.tar -C unpacked", directory);
    const { stdout } = await holdfast("inspect", "-i", "unpacked", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ form: "artifact", encryption: "NONE" });
    expect(await attempt("inspect", "-i", ".")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("error[NOT_AN_ARTIFACT]"),
    });
  });
});

describe("keys", () => {
  it(
    "the right passphrase opens a backup and a wrong one does not, and makes no database either",
    TIMEOUT,
    async () => {
      passphrase = { HOLDFAST_PASSPHRASE: PASSPHRASE };
      await holdfast("backup", "-o", "secret.enc", "--encrypt");
      expect(
        JSON.parse((await holdfast("restore", "-i", "secret.enc", "--dry-run", "--json")).stdout),
      ).toMatchObject({ dryRun: true });

      const refused = await runCli(["restore", "-i", "secret.enc"], {
        cwd: directory,
        env: { HOLDFAST_PASSPHRASE: "wrong" },
      });
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining("error[WRONG_PASSPHRASE]") });
      await expectNothingLeftOver();
    },
  );

  it("an identity opens what was encrypted to its recipient, and no other does", TIMEOUT, async () => {
    const [mine, theirs] = await Promise.all([generateIdentity(), generateIdentity()]);
    await writeFile(inDirectory("mine.key"), `# mine\n${mine.identity}\n`, { mode: 0o600 });
    await writeFile(inDirectory("theirs.key"), theirs.identity, { mode: 0o644 });
    await holdfast("backup", "-o", "to-me.tar", "--recipient", mine.recipient, "--entities", "roles");
    await holdfast("verify", "-i", "to-me.tar", "--identity-file", "mine.key");
    await holdfast("verify", "-i", "to-me.tar", "--level", "stored");
    const wrong = await attempt("restore", "-i", "to-me.tar", "--identity-file", "theirs.key");
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("error[WRONG_IDENTITY]") });
    expect(wrong.stderr).toContain("theirs.key can be read by other users");
    expect(await attempt("restore", "-i", "to-me.tar")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("--identity-file FILE"),
    });
  });

  it.each([
    [
      "--encrypt without a passphrase or a terminal",
      ["backup", "-o", "x.enc", "--encrypt"],
      "HOLDFAST_PASSPHRASE",
    ],
    ["--encrypt for JSON", ["backup", "-o", "x.json", "--encrypt"], "backup.enc"],
    ["--recipient for JSON", ["backup", "-o", "x", "--format", "json", "--recipient", "age1"], "backup.enc"],
    [
      "a passphrase and a recipient",
      ["backup", "-o", "x", "--encrypt", "--recipient", "age1"],
      "--recipient",
    ],
    ["a passphrase file without --encrypt", ["backup", "-o", "x", "--passphrase-file", "f"], "--encrypt"],
    [
      "--mode replace without a terminal or --yes",
      ["restore", "-i", "plain.tar", "--mode", "replace"],
      "--yes",
    ],
    ["no output", ["backup"], "--output"],
    ["names that are none", ["backup", "-o", "x", "--entities", ","], "commas"],
    ["a mode that is none", ["restore", "-i", "plain.tar", "--mode", "overwrite"], "insert-missing"],
    ["standard input that is to be a directory", ["extract", "-i", "plain.tar", "-o", "."], "not empty"],
  ])("%s is wrong usage, and the hint helps", TIMEOUT, async (_, args, hint) => {
    const before = await readdir(directory);
    expect(await attempt(...args)).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringMatching(new RegExp(`error\\[USAGE\\][^]*${hint}`)),
    });
    expect(await readdir(directory)).toEqual(before);
  });

  it("a recipient that is none is refused before anything is read", TIMEOUT, async () => {
    expect(await attempt("backup", "-o", "x", "--recipient", "age1nonsense")).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("error[BAD_RECIPIENT]"),
    });
  });
});

describe("an interrupt", () => {
  /** Runs a command until it waits for a lock that somebody else has, and then presses Ctrl-C. */
  async function interruptWaiting(...args: string[]): Promise<CliResult> {
    const other = postgres(database.url, { max: 1 });
    try {
      return await other.begin(async (tx) => {
        await tx`LOCK TABLE platform.users IN ACCESS EXCLUSIVE MODE`;
        const child = startCli(args, { cwd: directory, env: environment() });
        let stderr = "";
        child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
        while (
          (await sql`SELECT FROM pg_locks WHERE NOT granted AND relation = 'platform.users'::regclass`)
            .length === 0
        ) {
          if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${stderr}`);
          await delay(50);
        }
        child.kill("SIGINT");
        const [code] = (await once(child, "close")) as [number | null];
        return { code, stdout: "", stderr };
      });
    } finally {
      await other.end();
    }
  }

  it.each(["interrupted.tar", "interrupted.json"])(
    "of a backup to %s leaves no file",
    TIMEOUT,
    async (file) => {
      await writeFile(inDirectory(file), "the last good one");
      const interrupted = await interruptWaiting("backup", "-o", file);
      expect(interrupted).toMatchObject({
        code: 130,
        stderr: expect.stringContaining("error[CANCELLED]: Interrupted."),
      });
      expect(await readFile(inDirectory(file), "utf8")).toBe("the last good one");
      await expectNothingLeftOver();
    },
  );

  it("of a restore leaves the database as it was", TIMEOUT, async () => {
    await damage(sql);
    const damaged = await fingerprints(database.url);
    const artifact = await hashOf("plain.tar");
    const interrupted = await interruptWaiting("restore", "-i", "plain.tar");
    expect(interrupted.code).toBe(130);
    expect(await fingerprints(database.url)).toEqual(damaged);
    expect(await sql`SELECT nspname FROM pg_namespace WHERE nspname LIKE 'holdfast_restore%'`).toHaveLength(
      0,
    );
    expect(await hashOf("plain.tar")).toBe(artifact);
    await expectNothingLeftOver();
  });
});
