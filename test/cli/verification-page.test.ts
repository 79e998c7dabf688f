// docs/verification.md: its commands, as they are printed, from the first drill to the loss of everything but the store.
import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEnvironment } from "../../src/config/environment.ts";
import { startStack, type Stack } from "../../src/runtime/stack.ts";
import { COMMAND } from "../support/command.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const PAGE = path.join(import.meta.dirname, "../../docs/verification.md");
const PASSWORD = "correct horse";

describe("docs/verification.md", { timeout: 600_000 }, () => {
  let directory: string;
  let blocks: string[];
  let database: TestDatabase;
  let stack: Stack;
  let token: string;
  const at = (...names: string[]) => path.join(directory, ...names);

  /** As somebody would at a prompt; a variable that an earlier block has set is passed on. */
  const run = async (script: string, variables: Readonly<Record<string, string>> = {}): Promise<string> => {
    const { stdout, stderr } = await promisify(execFile)("bash", ["-euc", script], {
      cwd: directory,
      env: {
        PATH: `${at("bin")}:${process.env["PATH"] ?? ""}`,
        HOME: directory,
        LANG: "C.UTF-8",
        ...variables,
      },
      encoding: "utf8",
    }).catch((error: unknown) => expect.fail(String(error)));
    return stdout + stderr;
  };
  const through = (id = "") => ({ HOLDFAST_SERVER: stack.url, HOLDFAST_TOKEN: token, ID: id });

  async function start(): Promise<void> {
    database = await createDatabase({ migrated: true });
    stack = await startStack(
      readEnvironment({
        HOLDFAST_DATABASE_URL: database.url,
        HOLDFAST_DATA_DIR: at("data"),
        HOLDFAST_ADMIN_PASSWORD: PASSWORD,
        PORT: "0",
        ...(process.env["REDIS_URL"] && { REDIS_URL: process.env["REDIS_URL"] }),
      }),
      {},
    );
    const login = await fetch(`${stack.url}/api/v1/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ username: "admin", password: PASSWORD }),
    });
    ({ token } = await login.json());
  }

  async function templates(): Promise<string[]> {
    const sql = postgres(database.url, { max: 1 });
    try {
      const rows = await sql<{ name: string }[]>`SELECT name FROM platform.templates ORDER BY name`;
      return rows.map(({ name }) => name);
    } finally {
      await sql.end();
    }
  }

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-verification-"));
    await mkdir(at("bin"));
    await writeFile(at("bin/holdfast"), `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`);
    await chmod(at("bin/holdfast"), 0o755);
    for (const name of ["old", "new"])
      await writeFile(at(`${name}.txt`), `the ${name} one\n`, { mode: 0o600 });
    blocks = [...(await readFile(PAGE, "utf8")).matchAll(/^```bash\n(.*?)^```$/gms)].map(
      ([, block]) => block ?? "",
    );
    await start();
    const sql = postgres(database.url, { max: 1 });
    await sql`
      WITH space AS (INSERT INTO platform.spaces (slug, name) VALUES ('home', 'Home') RETURNING id)
      INSERT INTO platform.templates (space_id, name) SELECT id, 't' || n FROM space, generate_series(1, 3) n`;
    await sql.end();
  });
  afterAll(async () => {
    await stack?.close();
    await database?.drop();
    await rm(directory, { recursive: true, force: true });
  });

  it("does what it says, and brings everything back of which only the store was left", async () => {
    const [file = "", kept = "", rekey = "", imported = "", lost = ""] = blocks;
    expect(blocks).toHaveLength(5);
    const said = await run(file, { HOLDFAST_DATABASE_URL: database.url });
    expect(said).toMatch(
      /Sound as stored: .*\n[^]*Sound: .*\n[^]*Restored on trial: \d+ tables with \d+ rows/,
    );

    await run("holdfast backup --entities templates,spaces --encrypt --passphrase-file old.txt", through());
    const verified = await run(`${kept}\necho "id $ID"`, through());
    expect(verified).toMatch(/tables with \d+ rows are what was backed up/);
    const id = /^id (.*)$/m.exec(verified)?.[1] ?? "";
    expect(await run(rekey, through(id))).toMatch(/opens with the new key alone/);
    expect(await run(imported, through())).toMatch(/Imported as .* rows\./);

    await stack.close();
    await database.drop();
    await start();
    expect(await templates()).toEqual([]);
    const found = await run(lost, through());
    expect(found).toMatch(/2 backups of 2 found are new in the list/);
    expect(await templates()).toEqual(["t1", "t2", "t3"]);
  });
});
