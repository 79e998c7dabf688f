// docs/schedules-and-retention.md: its commands, in their order, against a server; and its table, decided anew.
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { checkRetention, decideRetention } from "../../src/core/retention.ts";
import { startStack, type Stack } from "../../src/runtime/stack.ts";
import { COMMAND } from "../support/command.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const PAGE = path.join(import.meta.dirname, "../../docs/schedules-and-retention.md");
const PASSWORD = "correct horse";
const page = await readFile(PAGE, "utf8");

it("decides on the backups of its table as the table says", () => {
  const rows = [...page.matchAll(/^\| (\S+Z) \| (stays|goes) +\| (.*?) *\|$/gm)].map(
    ([, made, what, why = ""]) => ({
      made: made ?? "",
      what,
      why: [...why.matchAll(/`([^`]+)`/g)].map(([, reason]) => reason),
    }),
  );
  expect(rows).toHaveLength(8);
  const candidates = rows.map(({ made }) => ({
    ...{
      id: made,
      createdAt: new Date(made),
      status: "SUCCEEDED" as const,
      pinned: false,
      series: "nightly",
    },
  }));
  const policy = checkRetention({ keepLast: 2, keepDaily: 3, keepWeekly: 2, keepMonthly: 2 });
  const decided = decideRetention(candidates, policy, () => "Europe/Berlin");
  expect(
    decided.map(({ candidate, keep, reasons }) => ({
      ...{ made: candidate.id, what: keep ? "stays" : "goes", why: reasons },
    })),
  ).toEqual(rows);
});

describe("its commands", { timeout: 300_000 }, () => {
  let directory: string;
  let database: TestDatabase;
  let stack: Stack;
  let sql: postgres.Sql;
  let token: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-schedules-"));
    await mkdir(path.join(directory, "bin"));
    const holdfast = path.join(directory, "bin/holdfast");
    await writeFile(holdfast, `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`);
    await chmod(holdfast, 0o755);
    database = await createDatabase({ migrated: true });
    stack = await startStack(
      readEnvironment({
        HOLDFAST_DATABASE_URL: database.url,
        HOLDFAST_DATA_DIR: path.join(directory, "data"),
        HOLDFAST_ADMIN_PASSWORD: PASSWORD,
        HOLDFAST_SECRET_KEY: "k".repeat(32),
        PORT: "0",
        ...(process.env["REDIS_URL"] && { REDIS_URL: process.env["REDIS_URL"] }),
      }),
      {},
    );
    sql = postgres(database.url, { max: 1 });
    const login = await fetch(`${stack.url}/api/v1/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "admin", password: PASSWORD }),
    });
    ({ token } = await login.json());
  });
  afterAll(async () => {
    await sql?.end();
    await stack?.close();
    await database?.drop();
    await rm(directory, { recursive: true, force: true });
  });

  /** As somebody who has signed in types it. */
  async function run(script: string): Promise<string> {
    const { stdout } = await promisify(execFile)("bash", ["-euo", "pipefail", "-c", script], {
      cwd: directory,
      env: {
        PATH: `${path.join(directory, "bin")}:${process.env["PATH"]}`,
        HOME: directory,
        HOLDFAST_SERVER: stack.url,
        HOLDFAST_TOKEN: token,
      },
    });
    return stdout;
  }

  it("do what the page says", async () => {
    const blocks = [...page.matchAll(/^```bash\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
    const [create = "", look = "", change = "", prune = "", keep = ""] = blocks;
    expect(blocks).toHaveLength(5);
    expect(await run(create)).toMatch(/^keeps +7 daily, 4 weekly, 12 monthly$/m);
    expect(await run(look)).toMatch(/^nightly +30 2 \* \* \* +Europe\/Berlin +\S+ \S+Z +· +7 daily/m);
    const changed = await run(change);
    expect(changed).toMatch(/^next +disabled$/m);
    const [, started = ""] = /^The backup (\S+) is QUEUED/m.exec(changed) ?? [];
    const ended = () => sql`select from holdfast.runs where id = ${started} and status = 'SUCCEEDED'`;
    await expect.poll(async () => (await ended()).length, { timeout: 60_000 }).toBe(1);
    const pruned = await run(prune);
    expect(pruned).toContain("Nothing was deleted. 0 backups would be, and 1 would stay.");
    expect(pruned).toContain("the only good one");
    expect(pruned).toContain("Deleted 0 backups; 1 stay.");
    const kept = await run(keep);
    expect(kept).toContain(`The backup ${started} is pinned.`);
    expect(kept).toContain(`The backup ${started} is deleted from all of its stores.`);
    expect(kept).toMatch(new RegExp(`^${started} .*SUCCEEDED`, "m"));
  });
});
