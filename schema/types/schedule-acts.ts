// What is done with schedules: making, changing, deleting one, and starting its backup now.
import type { ScheduleInput } from "../../src/runs/schedule-input.ts";
import {
  createSchedule,
  deleteSchedule,
  selectedEntities,
  triggerSchedule,
  updateSchedule,
} from "../../src/runs/schedules.ts";
import { withArtifact } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { EntityEnum, EntityGroupEnum } from "../enums.ts";
import { BackupType } from "./backup.ts";
import { RetentionInput } from "./retention.ts";
import { ScheduleType } from "./schedule.ts";

const ScheduleInputType = builder.inputType("ScheduleInput", {
  fields: (t) => ({
    name: t.string({ required: true }),
    cron: t.string({ required: true }),
    timeZone: t.string({ defaultValue: "UTC" }),
    entities: t.field({ type: [EntityEnum] }),
    groups: t.field({ type: [EntityGroupEnum] }),
    include: t.field({ type: [EntityEnum] }),
    recipients: t.stringList({
      description: "Schedules encrypt to recipients: no secret has to rest on the server.",
    }),
    stores: t.stringList(),
    retention: t.field({ type: RetentionInput }),
    enabled: t.boolean({ defaultValue: true }),
    drillCron: t.string({
      description:
        "When a drill of its newest backup is due, in the same time zone; left out: never by itself.",
    }),
  }),
});

/** In most fields null means something else than leaving them out; these two have defaults. */
function toScheduleInput(input: typeof ScheduleInputType.$inferInput): ScheduleInput {
  return { ...input, timeZone: input.timeZone ?? "UTC", enabled: input.enabled ?? true };
}

builder.mutationField("createSchedule", (t) =>
  t.field({
    type: ScheduleType,
    args: { input: t.arg({ type: ScheduleInputType, required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: {
      access: "READ",
      of: ({ input }, context) => selectedEntities(context, toScheduleInput(input)),
    },
    resolve: (_, { input }, context) =>
      createSchedule(context, signedIn(context), toScheduleInput(input), context.origin),
  }),
);

builder.mutationField("updateSchedule", (t) =>
  t.field({
    type: ScheduleType,
    description:
      "What is left out stays as it is, except timeZone and enabled, which have their defaults. The new times count from now on.",
    args: {
      id: t.arg.id({ required: true }),
      input: t.arg({ type: ScheduleInputType, required: true }),
    },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, { id, input }, context) =>
      updateSchedule(context, signedIn(context), id, toScheduleInput(input), context.origin),
  }),
);

builder.mutationField("deleteSchedule", (t) =>
  t.boolean({
    description: "Its backups stay, as backups of no schedule.",
    args: { id: t.arg.id({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: async (_, { id }, context) => {
      await deleteSchedule(context, signedIn(context), id, context.origin);
      return true;
    },
  }),
);

builder.mutationField("triggerSchedule", (t) =>
  t.field({
    type: BackupType,
    description: "Starts a schedule's backup now.",
    args: { id: t.arg.id({ required: true }) },
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: async (_, { id }, context) =>
      withArtifact(context, await triggerSchedule(context, signedIn(context), id, context.origin)),
  }),
);
