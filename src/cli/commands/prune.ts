// holdfast prune: deletes the backups that a retention policy does not keep.
import type { Command } from "commander";
import type { PruneOptions } from "../acts/prune.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { addRetentionOptions } from "../retention-options.ts";
import { addApiOptions } from "../server-options.ts";
import { addUnlockOptions } from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command.description(
    "Deletes the backups that no --keep option keeps, and says of every one why. Each schedule's backups are " +
      "looked at by themselves, in its time zone; those of no schedule by what they hold. What is pinned, being read, or the " +
      "only good one stays.",
  );
  addRetentionOptions(command)
    .option("--schedule <schedule>", "only the backups of this one, by name or id")
    .option("--dry-run", "only say what would go, and why")
    .option(
      "--store <store>",
      "only what lies in this directory, or store of the configuration, without any ledger: where the server is not. Backups of " +
        "the same entities are one series, and pins are not known. Not for a store that a Holdfast still looks after",
    )
    .option("--as-one", "with --store: take backups that cannot be opened for one series")
    .option(
      "--time-zone <name>",
      "with --store: the one that days, weeks, months and years begin in (default: UTC)",
    );
  addApiOptions(addUnlockOptions(command)).action(async (options: PruneOptions) => {
    const { prune } = await import("../acts/prune.ts");
    await prune(options, signal);
  });
  addExamples(command, [
    ["holdfast prune --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run", "what would go, and why"],
    ["holdfast prune --schedule nightly --keep-last 3", "of one schedule"],
    [
      "holdfast prune --store /srv/backups --as-one --keep-daily 30",
      "copies on another host, which has no key",
    ],
  ]);
}
