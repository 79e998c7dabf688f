// holdfast restores: those that a server has carried out, or carries out now.
import type { Command } from "commander";
import type { ListRestoresOptions } from "../acts/restores.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { parseCount } from "../options.ts";
import { addApiOptions, type ApiOptions } from "../server-options.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .description(
      "Lists, shows and cancels the restores of what is kept, previews among them. `holdfast restore --backup ID` starts one.",
    )
    .commandsGroup("Commands:");
  defineList(command.command("list").summary("the latest"), context);
  defineShow(command.command("show").summary("all about one"), context);
  defineCancel(command.command("cancel").summary("one that waits or is going on"), context);
  addExamples(command, [["holdfast restores list", "the latest, previews among them"]]);
}

const ID = "as `holdfast restores list` shows it";

function defineList(command: Command, { signal }: CommandContext): void {
  command
    .description("Lists the restores, as far as you may read them, the latest first.")
    .option("--limit <number>", "how many at most", parseCount, 20);
  addApiOptions(command).action(async (options: ListRestoresOptions) => {
    const { listRestores } = await import("../acts/restores.ts");
    await listRestores(options, signal);
  });
  addExamples(command, [["holdfast restores list --limit 3", "the latest three"]]);
}

function defineShow(command: Command, { signal }: CommandContext): void {
  command
    .description("Shows a restore: its state, and what it changed or would change.")
    .argument("<id>", ID);
  addApiOptions(command).action(async (id: string, options: ApiOptions) => {
    const { showRestore } = await import("../acts/restores.ts");
    await showRestore(id, options, signal);
  });
  addExamples(command, [["holdfast restores show 72866ba3-...", "what it changed, table by table"]]);
}

function defineCancel(command: Command, { signal }: CommandContext): void {
  command
    .description("Cancels a restore that waits or is going on; the database stays as it was.")
    .argument("<id>", ID);
  addApiOptions(command).action(async (id: string, options: ApiOptions) => {
    const { cancelRestore } = await import("../acts/restores.ts");
    await cancelRestore(id, options, signal);
  });
  addExamples(command, [["holdfast restores cancel 72866ba3-...", "ends within two seconds"]]);
}
