// holdfast migrate: Holdfast's own tables, made or brought up to date.
import type { Command } from "commander";
import { addExamples } from "../command.ts";

export function define(command: Command): void {
  command
    .description(
      "Makes Holdfast's own tables, or brings them up to date, in HOLDFAST_DATABASE_URL or else in the embedded " +
        "PostgreSQL. `serve` and `worker` do the same when they start, so this is for those who want it done before.",
    )
    .action(migrate);
  addExamples(command, [
    [
      "HOLDFAST_DATABASE_URL=postgres://... holdfast migrate",
      "as a step of a deployment, before the servers start",
    ],
  ]);
}

async function migrate(): Promise<void> {
  const { readEnvironment } = await import("../../config/environment.ts");
  const { openMigratedDatabase } = await import("../../runtime/own-database.ts");
  const database = await openMigratedDatabase(readEnvironment(process.env));
  await database[Symbol.asyncDispose]();
  console.log("Holdfast's tables are up to date.");
}
