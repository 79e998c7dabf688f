// docs/command-line.md names every command, and every option of those that it describes.
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { cli } from "./run-cli.ts";

const PAGE = readFileSync(path.join(import.meta.dirname, "../../docs/command-line.md"), "utf8");

const help = async (...command: string[]): Promise<string> =>
  (await cli([...command, "--help"], { cwd: tmpdir() })).stdout;

const commandsIn = (text: string): string[] =>
  [...text.matchAll(/^ {2}([a-z]+) {2,}\S/gm)].map(([, name]) => name ?? "");

it("names every command", { timeout: 60_000 }, async () => {
  const commands = commandsIn(await help());
  expect(commands).toContain("backup");
  expect(
    commands.filter((name) => !PAGE.includes(`\`holdfast ${name}`) && !PAGE.includes(`\`${name}\``)),
  ).toEqual([]);
});

it.each([
  "backup",
  "restore",
  "inspect",
  "verify",
  "rekey",
  "extract",
  "admin backup",
  "admin restore",
  "init",
  "doctor",
])("names every option of %s", { timeout: 60_000 }, async (command) => {
  const options = [...(await help(...command.split(" "))).matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(
    ([, name]) => name ?? "",
  );
  expect(options).toContain("--help");
  expect(options.filter((name) => !PAGE.includes(name))).toEqual([]);
});

it(
  "every command's help breaks the lines of its description where they are full",
  { timeout: 60_000 },
  async () => {
    const WIDTH = 100;
    for (const command of commandsIn(await help())) {
      const [, description = ""] = (await help(command)).split("\n\n");
      const lines = description.split("\n");
      const early = lines.filter((line, at) => {
        const [next] = lines[at + 1]?.split(" ") ?? [];
        return next !== undefined && `${line} ${next}`.length <= WIDTH;
      });
      expect({ command, early }).toEqual({ command, early: [] });
    }
  },
);
