// Plays every transcript of transcripts/: what the documents show is what the commands do.
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { COMMAND } from "../support/command.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { matches, parseTranscript } from "./transcript/parse.ts";
import { play } from "./transcript/play.ts";

const here = dirname(fileURLToPath(import.meta.url));
const transcripts = join(here, "transcripts");

/** The commands that a transcript may name, beside what bash finds by itself. */
const COMMANDS = {
  holdfast: COMMAND,
  "ask-passphrase": join(here, "fixtures/ask-passphrase.ts"),
  "seed-platform": join(here, "fixtures/seed-platform.ts"),
  sql: join(here, "fixtures/sql.ts"),
  stubborn: join(here, "fixtures/stubborn.ts"),
};

for (const file of readdirSync(transcripts).filter((name) => name.endsWith(".md"))) {
  describe(`transcripts/${basename(file)}`, () => {
    const directory = mkdtempSync(join(tmpdir(), "holdfast-transcript-"));
    const environment = surroundings(join(directory, ".bin"));
    let database: TestDatabase;
    beforeAll(async () => {
      database = await createDatabase();
      environment["DATABASE_URL"] = database.url;
    });
    afterAll(async () => {
      rmSync(directory, { recursive: true, force: true });
      await database.drop();
    });

    const cases = parseTranscript(readFileSync(join(transcripts, file), "utf8"));
    it.for(cases)("$title", { timeout: 150_000 }, async ({ steps }) => {
      expect(steps).not.toHaveLength(0);
      for (const { command, expected, exitCode, ...step } of steps) {
        const played = await play({ command, ...step }, { directory, environment });
        // Placeholders make texts equal that are not the same; where they do not, the difference is shown.
        const output = matches(expected, played.output) ? expected : played.output;
        expect({ command, output, exitCode: played.exitCode }).toEqual({
          command,
          output: expected,
          exitCode,
        });
      }
    });
  });
}

/** What commands find around them, beside DATABASE_URL, an empty database. Nothing of the tester's own: no colours asked for or refused, no passphrase, no home. */
function surroundings(bin: string): Record<string, string> {
  mkdirSync(bin);
  for (const [name, script] of Object.entries(COMMANDS)) {
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  return {
    PATH: `${bin}:${dirname(process.execPath)}:${process.env["PATH"] ?? "/usr/bin:/bin"}`,
    HOME: dirname(bin),
    // What a case writes there holds for the commands after it.
    BASH_ENV: join(dirname(bin), ".bashrc"),
    LANG: "C.UTF-8",
    TERM: "xterm-256color",
  };
}
