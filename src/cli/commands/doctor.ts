// holdfast doctor: whether everything that backups and restores need is there.
import type { Command } from "commander";
import { completePostgresUrl } from "../../core/postgres-url.ts";
import type { DoctorOptions } from "../acts/doctor.ts";
import { addExamples, type CommandContext } from "../command.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Checks the configuration, the databases (their versions, connections, and what the roles may do), Holdfast's own " +
        "tables, the queue, the stores and the keys, and says for each fault what to run to mend it. No server need run, and " +
        "nothing is written but a small object in each store, which is deleted again. Exits with 1 if there is a fault.",
    )
    .option(
      "--database-url <url>",
      "look at the database with this URL instead of the configured one, as for another role",
      completePostgresUrl,
    )
    .option("--json", "print the findings as JSON")
    .action(async (options: DoctorOptions) => {
      const { runDoctor } = await import("../acts/doctor.ts");
      await runDoctor(options, signal);
    });
  addExamples(command, [
    ["holdfast doctor", "as everything is configured"],
    ["holdfast doctor --database-url postgres://holdfast_writer@db/app", "whether that role can restore"],
    ["holdfast doctor --json | jq -r '.findings[].mend[]'", "what to run, and nothing else"],
  ]);
}
