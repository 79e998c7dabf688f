// holdfast notices: what people were told, whether it arrived, and whether it would.
import { Option, type Command } from "commander";
import type { ListNoticesOptions } from "../acts/notices.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { parseCount } from "../options.ts";
import { addApiOptions, type ApiOptions } from "../server-options.ts";

const EVENTS = ["failed", "recovered", "overdue", "drill-failed", "store-failed", "unusual", "test"];
const enumName = (event: string): string => event.replaceAll("-", "_").toUpperCase();

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description("Says what people were told of, and whether it arrived; sends it again, or on trial.")
    .commandsGroup("Commands:");

  const list = command
    .command("list")
    .summary("the latest, and whether they arrived")
    .description("Lists what people were told in the last 30 days, the latest first.")
    .option("--limit <number>", "how many at most", parseCount, 20)
    .addOption(
      new Option("--status <status>", "only those in this state").choices(["PENDING", "DELIVERED", "FAILED"]),
    )
    .addOption(new Option("--event <event>", "only those of this kind").choices(EVENTS))
    .option("--to <name>", "only those over this way");
  addApiOptions(list).action(async ({ event, ...options }: ListNoticesOptions) => {
    const { listNotices } = await import("../acts/notices.ts");
    await listNotices({ ...options, ...(event !== undefined && { event: enumName(event) }) }, signal);
  });
  addExamples(list, [["holdfast notices list --status FAILED", "what nobody got"]]);

  const targets = command
    .command("targets")
    .summary("the configured ways")
    .description(
      "Lists the ways on which people are told, and what of. Their addresses may hold secrets, and are not shown.",
    );
  addApiOptions(targets).action(async (options: ApiOptions) => {
    const { listTargets } = await import("../acts/notices.ts");
    await listTargets(options, signal);
  });
  addExamples(targets, [["holdfast notices targets", "who is told what"]]);

  const redeliver = command
    .command("redeliver")
    .summary("send one again")
    .description(
      "Sends a notice again, at once, whatever became of it, and says whether it was taken. It has the same id.",
    )
    .argument("<id>", "as `holdfast notices list` shows it");
  addApiOptions(redeliver).action(async (id: string, options: ApiOptions) => {
    const acts = await import("../acts/notices.ts");
    await acts.redeliver(id, options, signal);
  });
  addExamples(redeliver, [["holdfast notices redeliver 0b0d3c54-...", "once the receiver works again"]]);

  const test = command
    .command("test")
    .summary("whether they would arrive")
    .description("Sends a notice that says nothing, and fails unless it is taken.")
    .argument("[names...]", "only over these ways");
  addApiOptions(test).action(async (names: string[], options: ApiOptions) => {
    const { testNotices } = await import("../acts/notices.ts");
    await testNotices(names, options, signal);
  });
  addExamples(test, [["holdfast notices test", "before the night in which it is needed"]]);

  addExamples(command, [
    ["holdfast notices test", "whether notices would arrive"],
    ["holdfast notices list", "what people were told"],
  ]);
}
