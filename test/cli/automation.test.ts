// docs/automation.md: its scripts, as they are printed, with a real SSH server as the other host.
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMAND } from "../support/command.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { haveSshd, startSshd, type SshServer } from "../support/sshd.ts";
import { cli } from "./run-cli.ts";

const PAGE = path.join(import.meta.dirname, "../../docs/automation.md");
const PASSPHRASE = "correct horse battery staple";
const DAY_MS = 86_400_000;

describe.skipIf(!haveSshd)("docs/automation.md", { timeout: 180_000 }, () => {
  let directory: string;
  let database: TestDatabase;
  let server: SshServer;
  let nightly: string;
  let withFile: string;
  let there: string;
  let back: string;
  const today = new Date().toISOString().slice(0, 10);
  const at = (...names: readonly string[]) => path.join(directory, ...names);

  /** As cron would, with what the page puts into the crontab. */
  const run = (script: string, variables: Readonly<Record<string, string>>): string => {
    const environment = {
      PATH: `${server.bin}:${at("bin")}:/usr/bin:/bin`,
      HOME: directory,
      TZ: "UTC",
      HOLDFAST_DATABASE_URL: database.url,
      BACKUP_DIR: at("backups"),
      REMOTE: `backup-server:${server.home}`,
      ...variables,
    };
    const options = { cwd: directory, env: environment, encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("bash", ["-c", script], options);
  };

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-automation-"));
    for (const made of ["backups", "bin"]) await mkdir(at(made));
    await writeFile(at("bin/holdfast"), `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`);
    await chmod(at("bin/holdfast"), 0o755);
    const blocks = [...(await readFile(PAGE, "utf8")).matchAll(/^```bash\n(.*?)^```$/gms)];
    [nightly = "", withFile = "", there = "", back = ""] = blocks.map(([, block]) => block ?? "");
    database = await createDatabase({ migrated: true });
    const sql = postgres(database.url, { max: 1 });
    await sql`
      WITH space AS (INSERT INTO platform.spaces (slug, name) VALUES ('home', 'Home') RETURNING id)
      INSERT INTO platform.templates (space_id, name) SELECT id, 't' || n FROM space, generate_series(1, 20) n`;
    await sql.end();
    server = await startSshd(directory);
  });

  afterAll(async () => {
    await server?.[Symbol.asyncDispose]();
    await database?.drop();
    await rm(directory, { recursive: true, force: true });
  });

  it("keeps a week of backups, and a copy of each on the other host", async () => {
    for (const [name, days] of [
      ["2001-01-01", 9],
      ["2001-01-02", 6],
    ] as const) {
      const file = at("backups", `holdfast-${name}.enc`);
      await writeFile(file, "an old one");
      await utimes(file, new Date(), new Date(Date.now() - days * DAY_MS));
    }
    expect(run(nightly, { HOLDFAST_PASSPHRASE: PASSPHRASE })).toBe("");
    const name = `holdfast-${today}.enc`;
    expect((await readdir(at("backups"))).toSorted()).toEqual(["holdfast-2001-01-02.enc", name]);
    const [here, copy] = [await readFile(at("backups", name)), await readFile(path.join(server.home, name))];
    expect(copy.equals(here)).toBe(true);
    expect(here.includes("t20")).toBe(false);
  });

  it("deletes nothing when no backup can be made", async () => {
    const file = at("backups", "holdfast-2001-01-01.enc");
    await writeFile(file, "an old one");
    await utimes(file, new Date(), new Date(Date.now() - 9 * DAY_MS));
    const nowhere = { HOLDFAST_DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing" };
    expect(() => run(nightly, { ...nowhere, HOLDFAST_PASSPHRASE: PASSPHRASE })).toThrow(
      "DATABASE_UNREACHABLE",
    );
    expect(await readFile(file, "utf8")).toBe("an old one");
  });

  it("takes the passphrase from a file", async () => {
    await writeFile(at("passphrase"), `${PASSPHRASE}\n`, { mode: 0o600 });
    run(withFile, { PASSPHRASE_FILE: at("passphrase") });
    const file = at("backups", `holdfast-${today}.enc`);
    const verify = ["verify", "--input", file, "--passphrase-file", at("passphrase")];
    expect((await cli(verify, { cwd: directory })).stdout).toMatch(/^Sound: /);
  });

  it("sends a backup to the other host without a file here, and restores it from there", async () => {
    await rm(at("backups"), { recursive: true });
    run(there, { HOLDFAST_PASSPHRASE: PASSPHRASE });
    expect((await readdir(server.home)).filter((name) => name.endsWith(".partial"))).toEqual([]);
    const sql = postgres(database.url, { max: 1 });
    try {
      await sql`DELETE FROM platform.templates`;
      run(back, { HOLDFAST_PASSPHRASE: PASSPHRASE });
      expect(await sql`SELECT count(*)::int AS templates FROM platform.templates`).toEqual([
        { templates: 20 },
      ]);
    } finally {
      await sql.end();
    }
  });

  it("leaves no file under its name on the other host when the backup fails midway", async () => {
    const name = `holdfast-${today}.enc`;
    await rm(path.join(server.home, name));
    const nowhere = { HOLDFAST_DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing" };
    expect(() => run(there, { ...nowhere, HOLDFAST_PASSPHRASE: PASSPHRASE })).toThrow("DATABASE_UNREACHABLE");
    expect(await readdir(server.home)).not.toContain(name);
  });
});
