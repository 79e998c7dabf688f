// Schedule: what is backed up when. Making and changing one are in schedule-acts.ts.
import type { Selection } from "../../src/core/catalog.ts";
import type { Schedule } from "../../src/ledger/schedules.ts";
import { nextRunOf } from "../../src/runs/due.ts";
import { scheduledEntities } from "../../src/runs/scheduled-backup.ts";
import { findVisibleSchedule, lastRunOf, listVisibleSchedules } from "../../src/runs/schedules.ts";
import { withArtifact } from "../../src/runs/visible.ts";
import { builder } from "../builder.ts";
import { signedIn } from "../context.ts";
import { EntityEnum, EntityGroupEnum } from "../enums.ts";
import { BackupType } from "./backup.ts";
import { RetentionType } from "./retention.ts";
import { VerificationType } from "./verification.ts";

const ScheduleSelectionType = builder.objectRef<Selection>("ScheduleSelection").implement({
  description: "What a schedule was asked to back up: a group means its entities at the time of each backup.",
  fields: (t) => ({
    entities: t.field({ type: [EntityEnum], nullable: true, resolve: ({ entities }) => entities }),
    groups: t.field({ type: [EntityGroupEnum], nullable: true, resolve: ({ groups }) => groups }),
    include: t.field({ type: [EntityEnum], nullable: true, resolve: ({ include }) => include }),
  }),
});

export const ScheduleType = builder.objectRef<Schedule>("Schedule").implement({
  fields: (t) => ({
    id: t.exposeID("id"),
    name: t.exposeString("name"),
    cron: t.exposeString("cron"),
    timeZone: t.exposeString("timeZone"),
    entities: t.field({
      type: [EntityEnum],
      resolve: (schedule, _, { catalog }) => scheduledEntities(catalog, schedule),
    }),
    selection: t.field({ type: ScheduleSelectionType, resolve: ({ selection }) => selection }),
    recipients: t.exposeStringList("recipients"),
    stores: t.exposeStringList("stores"),
    retention: t.field({ type: RetentionType, nullable: true, resolve: ({ retention }) => retention }),
    enabled: t.exposeBoolean("enabled"),
    drillCron: t.exposeString("drillCron", {
      nullable: true,
      description: "When a drill of its newest backup is due; null: never by itself.",
    }),
    createdBy: t.exposeString("createdBy", { nullable: true }),
    nextRunAt: t.field({
      type: "DateTime",
      nullable: true,
      description: "null: not while it is disabled.",
      resolve: (schedule) => nextRunOf(schedule, "BACKUP", new Date()),
    }),
    nextDrillAt: t.field({
      type: "DateTime",
      nullable: true,
      resolve: (schedule) => nextRunOf(schedule, "VERIFICATION", new Date()),
    }),
    lastBackup: t.field({
      type: BackupType,
      nullable: true,
      description: "The one that was started last, whatever has become of it.",
      resolve: async (schedule, _, context) => {
        const run = await lastRunOf(context, signedIn(context), schedule, "BACKUP");
        return run && withArtifact(context, run);
      },
    }),
    lastDrill: t.field({
      type: VerificationType,
      nullable: true,
      resolve: async (schedule, _, context) => {
        const run = await lastRunOf(context, signedIn(context), schedule, "VERIFICATION");
        return run && { run };
      },
    }),
  }),
});

builder.objectField(BackupType, "schedule", (t) =>
  t.field({
    type: ScheduleType,
    nullable: true,
    resolve: async ({ run }, _, context) =>
      run.scheduleId === null ? null : findVisibleSchedule(context, signedIn(context), run.scheduleId),
  }),
);

builder.queryField("schedules", (t) =>
  t.field({
    type: [ScheduleType],
    requires: ["MANAGE_BACKUPS"],
    requiresEntities: { access: "READ", of: "result" },
    resolve: (_, _args, context) => listVisibleSchedules(context, signedIn(context)),
  }),
);
