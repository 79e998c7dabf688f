// holdfast migrate: Holdfast's own tables, made or brought up to date.
import type { Command } from "commander";
import { readEnvironment } from "../../config/environment.ts";
import { startEmbedded } from "../../embedded/embedded.ts";
import { migrateLedger } from "../../ledger/connect.ts";
import { addExamples } from "../command.ts";

export function define(command: Command): void {
  command
    .description(
      "Makes Holdfast's own tables, or brings them up to date, in HOLDFAST_DATABASE_URL or else in the embedded\n" +
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
  const { databaseUrl, dataDir } = readEnvironment(process.env);
  if (databaseUrl !== undefined) {
    await migrateLedger(databaseUrl);
  } else {
    const embedded = await startEmbedded({ dataDir });
    try {
      await migrateLedger(embedded.url);
    } finally {
      await embedded.stop();
    }
  }
  console.log("Holdfast's tables are up to date.");
}
