// holdfast stores: where the server keeps its backups.
import type { Command } from "commander";
import { addExamples, type CommandContext } from "../command.ts";
import { addApiOptions, type ApiOptions } from "../server-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command.description("Says where a server keeps its backups.").commandsGroup("Commands:");
  const list = command.command("list").summary("all of them").description("Lists the stores of a server.");
  addApiOptions(list).action(async (options: ApiOptions) => {
    const { listStores } = await import("../acts/stores.ts");
    await listStores(options, signal);
  });
  const examples = [["holdfast stores list --server https://backups.example.org", "of that server"]] as const;
  addExamples(list, examples);
  addExamples(command, examples);
}
