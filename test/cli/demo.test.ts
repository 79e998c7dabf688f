// The demo from start to end, and whether what it prints is true. demo-story.txt is the story that it tells.
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMAND } from "../support/command.ts";
import { createDatabase } from "../support/postgres.ts";
import { haveTools, shellOnTerminal } from "../support/stock-tools.ts";
import { matches } from "./transcript/parse.ts";

const directory = mkdtempSync(join(tmpdir(), "holdfast-demo-test-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("holdfast demo", () => {
  let story: string;
  beforeAll(async () => {
    const sizes = ["--log-entries", "2000", "--audit-logs", "500"];
    const run = await promisify(execFile)(process.execPath, [COMMAND, "demo", ...sizes], { cwd: directory });
    story = run.stdout.trim();
  }, 150_000);

  it("tells the whole story, and ends well", () => {
    const expected = readFileSync(join(import.meta.dirname, "demo-story.txt"), "utf8").trim();
    // Placeholders make texts equal that are not the same; where they do not, the difference is shown.
    expect(matches(expected, story) ? expected : story).toBe(expected);
  });

  it("fits into 80 columns, but for the id of the plan and long names of directories", () => {
    const wide = story
      .split("\n")
      .filter((line) => line.length > 80 && !line.includes("expectPlan") && !line.includes(directory));
    expect(wide).toEqual([]);
  });

  it("leaves the artifact and nothing that runs", () => {
    expect(existsSync(join(directory, ".holdfast-demo/store"))).toBe(true);
    expect(existsSync(join(directory, ".holdfast-demo/postgres/postmaster.pid"))).toBe(false);
  });

  it.skipIf(!haveTools("age", "zstd", "tar", "psql"))(
    "prints commands that open the artifact",
    { timeout: 120_000 },
    async () => {
      await using database = await createDatabase();
      const passphrase = /age asks for the passphrase: (.*)/.exec(story)?.[1] ?? "";
      const commands = story.slice(story.indexOf("# The artifact"), story.indexOf("All of it took"));
      await shellOnTerminal(`URL='${database.url}'\n${commands}`, directory, passphrase);

      const sql = postgres(database.url, { max: 1 });
      const roles = await sql`SELECT name FROM roles ORDER BY id`;
      await sql.end();
      expect(roles.map(({ name }) => String(name))).toContain("Administrator");
      expect(existsSync(join(directory, ".holdfast-demo/store/backup.tar"))).toBe(true);
    },
  );
});
