// holdfast stores: where the server keeps its backups, and whether it can.
import type { Command } from "commander";
import { addExamples, type CommandContext } from "../command.ts";
import type { ScanOptions } from "../acts/artifacts.ts";
import { collectValues } from "../options.ts";
import { addApiOptions, type ApiOptions } from "../server-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description("Says where backups are kept, by the configuration, or at a server.")
    .commandsGroup("Commands:");
  const list = command.command("list").summary("all of them").description("Lists the stores.");
  addApiOptions(list).action(async (options: ApiOptions) => {
    const { listStores } = await import("../acts/stores.ts");
    await listStores(options, signal);
  });
  const check = command
    .command("check")
    .summary("whether they take, list, give back and delete")
    .description("Puts, lists, reads and deletes a small object in the stores. Fails if any of them does.")
    .argument("[names...]", "only these stores");
  addApiOptions(check).action(async (names: string[], options: ApiOptions) => {
    const { checkStores } = await import("../acts/stores.ts");
    await checkStores(names, options, signal);
  });
  addExamples(check, [["holdfast stores check offsite", "before the night in which it is needed"]]);
  const scan = command
    .command("scan")
    .summary("look for backups that are not in the list")
    .description(
      "Looks at what the stores hold, and lists the backups that are not known: after the server that made them was lost, or its " +
        "database. May be done again at any time.",
    )
    .option("--store <name>", "only this store (may be repeated)", collectValues);
  addApiOptions(scan).action(async (options: ScanOptions) => {
    const { scanStores } = await import("../acts/artifacts.ts");
    await scanStores(options, signal);
  });
  addExamples(scan, [
    ["holdfast stores scan --store offsite", "a new server, and the backups of the old one"],
  ]);
  const examples = [["holdfast stores list --server https://backups.example.org", "of that server"]] as const;
  addExamples(list, examples);
  addExamples(command, examples);
}
