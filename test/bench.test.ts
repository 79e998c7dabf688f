// That the bench measures: with few rows, for what it finds depends on the machine.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hasPostgres15 } from "./support/debian-postgres.ts";
import { haveTools } from "./support/stock-tools.ts";

const run = promisify(execFile);
const MAIN = path.join(import.meta.dirname, "../bench/main.ts");

describe.skipIf(!hasPostgres15 || !haveTools("age", "zstd", "pg_dump"))("npm run bench", () => {
  it("measures every contender in turn, and tells what was reached", { timeout: 240_000 }, async () => {
    const options = ["--rows", "3000", "--rounds", "1", "--only", "backups,restores,profile"];
    const { stdout } = await run(process.execPath, [MAIN, ...options]);
    const rows = stdout.split("\n").filter((line) => /^\| [^ ]/.test(line));
    expect(rows.map((line) => line.split(" | ")[0]?.replace("| ", "").trim())).toEqual(
      expect.arrayContaining([
        "holdfast",
        "pg_dump -Fd -j2 -Z1",
        "MERGE, 1 % changed",
        "compression",
        "store",
      ]),
    );
    expect(stdout).toMatch(/^reached +rows written by MERGE where nothing changed: 0\.00/m);
  });

  it("names its suites where there is no such one", async () => {
    const refused = await run(process.execPath, [MAIN, "--only", "everything"]).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("There is no suite everything"),
    });
  });
});
