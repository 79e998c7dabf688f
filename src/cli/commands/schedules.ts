// holdfast schedules: what a server backs up by itself, and when.
import type { Command } from "commander";
import type { ChangeScheduleOptions, CreateScheduleOptions, NextOptions } from "../acts/schedules.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { collectList, collectNames, parseCount } from "../options.ts";
import { addRetentionOptions } from "../retention-options.ts";
import { addApiOptions, type ApiOptions } from "../server-options.ts";
import { recipientOption } from "../shared-options.ts";

export function define(command: Command, context: CommandContext): void {
  command
    .description(
      "Says what a server backs up by itself, when, where to, and how long it stays. It is kept in its database: no server need run " +
        "to look at it or to change it, only to make the backups.",
    )
    .commandsGroup("Commands:");
  defineList(command.command("list").summary("all of them, and when each is due next"), context);
  defineShow(command.command("show").summary("all about one"), context);
  defineCreate(command.command("create").summary("a new one"), context);
  defineUpdate(command.command("update").summary("change one"), context);
  defineDelete(command.command("delete").summary("one; its backups stay"), context);
  defineTrigger(command.command("trigger").summary("make its backup now"), context);
  defineNext(
    command.command("next").summary("the times when one is due, or a cron expression would be"),
    context,
  );
  addExamples(command, [
    [
      "holdfast schedules create --name nightly --cron '30 2 * * *' --keep-daily 7",
      "every night, for a week",
    ],
    ["holdfast schedules list", "which there are, and when each is due next"],
  ]);
}

const SCHEDULE = "its name or its id";

function defineList(command: Command, { signal }: CommandContext): void {
  command.description("Lists the schedules, as far as you may see them.");
  addApiOptions(command).action(async (options: ApiOptions) => {
    const { listSchedules } = await import("../acts/schedules.ts");
    await listSchedules(options, signal);
  });
  addExamples(command, [["holdfast schedules list --json | jq -r '.[].nextRunAt'", "for scripts"]]);
}

function defineShow(command: Command, { signal }: CommandContext): void {
  command
    .description("Shows a schedule: when, what, where to, and how long it stays.")
    .argument("<schedule>", SCHEDULE);
  addApiOptions(command).action(async (schedule: string, options: ApiOptions) => {
    const { showSchedule } = await import("../acts/schedules.ts");
    await showSchedule(schedule, options, signal);
  });
  addExamples(command, [["holdfast schedules show nightly", "by its name"]]);
}

/** What `create` and `update` have in common. */
function addScheduleOptions(command: Command): Command {
  command
    .option(
      "--time-zone <name>",
      "the one that the times, and retention's days, are of: Europe/Berlin (default: UTC)",
    )
    .option("--entities <names>", "only these, with commas between them", collectNames)
    .option("--groups <names>", "the entities of these groups at the time of each backup", collectNames)
    .option("--include <names>", "entities beside the usual ones: audit-logs, config-values", collectNames)
    .addOption(
      recipientOption("encrypt to an age recipient (may be repeated); no secret rests on the server"),
    )
    .option(
      "--stores <names>",
      "where to, with commas between them (default: the server's default stores)",
      collectList,
    )
    .option("--drill-cron <cron>", "when the newest backup is restored into a scratch database and compared");
  return addRetentionOptions(command);
}

function defineCreate(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Makes a schedule. Whoever makes it has MANAGE_BACKUPS, and may read all that it selects: later nobody is asked. " +
        "Without any --keep option every backup stays.",
    )
    .requiredOption("--name <name>", "what it is called")
    .requiredOption("--cron <cron>", "when: minute, hour, day of the month, month, day of the week")
    .option("--disabled", "not to run yet");
  addApiOptions(addScheduleOptions(command)).action(async (options: CreateScheduleOptions) => {
    const { createSchedule } = await import("../acts/schedules.ts");
    await createSchedule(options, signal);
  });
  addExamples(command, [
    [
      "holdfast schedules create --name nightly --cron '30 2 * * *' --time-zone Europe/Berlin \\\n" +
        "      --recipient age1... --keep-daily 7 --keep-weekly 4 --keep-monthly 12",
      "encrypted, every night at half past two",
    ],
    [
      "holdfast schedules create --name users --cron @hourly --groups auth --keep-last 24",
      "a part of it, every hour",
    ],
  ]);
}

function defineUpdate(command: Command, { signal }: CommandContext): void {
  command
    .description("Changes a schedule in what is said, and in nothing else. Its new times count from now on.")
    .argument("<schedule>", SCHEDULE)
    .option("--name <name>", "what it is called from now on")
    .option("--cron <cron>", "when")
    .option("--enable", "run again")
    .option("--disable", "do not run")
    .option("--no-recipients", "do not encrypt")
    .option("--no-retention", "keep everything")
    .option("--no-drill", "no drills");
  addApiOptions(addScheduleOptions(command)).action(
    async (schedule: string, options: ChangeScheduleOptions) => {
      const { updateSchedule } = await import("../acts/schedules.ts");
      await updateSchedule(schedule, options, signal);
    },
  );
  addExamples(command, [
    ["holdfast schedules update nightly --disable", "until --enable"],
    ["holdfast schedules update nightly --keep-daily 14", "the whole policy: what is not said is not kept"],
  ]);
}

function defineDelete(command: Command, { signal }: CommandContext): void {
  command
    .description("Deletes a schedule. Its backups stay, as backups of no schedule.")
    .argument("<schedule>", SCHEDULE);
  addApiOptions(command).action(async (schedule: string, options: ApiOptions) => {
    const { deleteSchedule } = await import("../acts/schedules.ts");
    await deleteSchedule(schedule, options, signal);
  });
  addExamples(command, [["holdfast schedules delete nightly", "by its name"]]);
}

function defineTrigger(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Makes a schedule's backup now, also of one that is disabled; not while another of it is being made.",
    )
    .argument("<schedule>", SCHEDULE);
  addApiOptions(command).action(async (schedule: string, options: ApiOptions) => {
    const { triggerSchedule } = await import("../acts/schedules.ts");
    await triggerSchedule(schedule, options, signal);
  });
  addExamples(command, [["holdfast schedules trigger nightly", "prints the backup's id"]]);
}

function defineNext(command: Command, { signal }: CommandContext): void {
  command
    .description("Says when a schedule is due next; with --cron when one would be, without asking a server.")
    .argument("[schedule]", SCHEDULE)
    .option("--cron <cron>", "an expression to read instead of a schedule's")
    .option("--time-zone <name>", "the time zone to read it in", "UTC")
    .option("--count <number>", "how many times", parseCount, 5);
  addApiOptions(command).action(async (schedule: string | undefined, options: NextOptions) => {
    const { showNext } = await import("../acts/schedules.ts");
    await showNext(schedule, options, signal);
  });
  addExamples(command, [
    ["holdfast schedules next nightly", "the next five times"],
    ["holdfast schedules next --cron '30 2 * * *' --time-zone Europe/Berlin", "before there is one"],
  ]);
}
