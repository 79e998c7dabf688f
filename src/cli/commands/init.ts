// holdfast init: a configuration file for a database that is there already.
import { Option, type Command } from "commander";
import { completePostgresUrl } from "../../core/postgres-url.ts";
import type { InitOptions } from "../acts/init.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { collectValues } from "../options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Reads a database (its schemas, tables, keys, foreign keys and sizes, and no rows), proposes entities and groups for " +
        "its tables, and writes them down as a configuration file with comments. Says what it has left out, and why. On a " +
        "terminal it asks which schemas are meant and what is to be opt-in. Nothing is written to the database.",
    )
    .option(
      "--database-url <url>",
      "the database (default: APP_DATABASE_URL, or asked for; others on this machine may see the arguments of a process)",
      completePostgresUrl,
    )
    .addOption(
      new Option("--schema <name>", "a schema to look at (may be repeated; default: all)").argParser(
        collectValues,
      ),
    )
    .option("-o, --output <file>", "the file to write; - is standard output (default: holdfast.config.ts)")
    .option("--force", "overwrite the file if it is there")
    .option("-y, --yes", "do not ask")
    .option("--json", "print the proposal as JSON")
    .action(async (options: InitOptions) => {
      const { runInit } = await import("../acts/init.ts");
      await runInit(options, signal);
    });
  addExamples(command, [
    ["holdfast init", "asks for what it needs"],
    ["APP_DATABASE_URL=postgres://app@db/app holdfast init --yes", "in a script"],
    [
      "holdfast init --database-url postgres://app@db/app --schema shop --output -",
      "some of it, to look at first",
    ],
  ]);
}
