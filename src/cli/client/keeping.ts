// The GraphQL documents behind `schedules`, `prune` and what `backups` does to what is kept. A test checks every one of
// them against the schema.
import { z } from "zod";
import type { Operation } from "./operations.ts";

const retention = z.object({
  keepLast: z.int().nullable(),
  keepDaily: z.int().nullable(),
  keepWeekly: z.int().nullable(),
  keepMonthly: z.int().nullable(),
  keepYearly: z.int().nullable(),
});
export type ListedRetention = z.infer<typeof retention>;
/** What is undefined is left out, as JSON has it. */
export type RetentionInput = Readonly<Partial<Record<keyof ListedRetention, number | undefined>>>;

const names = z.array(z.string());
const lastBackup = z.object({ id: z.string(), status: z.string(), createdAt: z.string() });

const schedule = z.object({
  id: z.string(),
  name: z.string(),
  cron: z.string(),
  timeZone: z.string(),
  entities: names,
  selection: z.object({ entities: names.nullable(), groups: names.nullable(), include: names.nullable() }),
  recipients: names,
  stores: names,
  retention: retention.nullable(),
  enabled: z.boolean(),
  drillCron: z.string().nullable(),
  nextRunAt: z.string().nullable(),
  nextDrillAt: z.string().nullable(),
  lastBackup: lastBackup.nullable(),
});
export type ListedSchedule = z.infer<typeof schedule>;

const SCHEDULE_FIELDS = `id name cron timeZone entities recipients stores enabled drillCron nextRunAt nextDrillAt
  selection { entities groups include }
  retention { keepLast keepDaily keepWeekly keepMonthly keepYearly }
  lastBackup { id status createdAt }`;

/** What is undefined is left out, and null says so. */
export interface ScheduleInput {
  readonly name: string;
  readonly cron: string;
  readonly timeZone?: string | undefined;
  readonly entities?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
  readonly include?: readonly string[] | undefined;
  readonly recipients?: readonly string[] | null | undefined;
  readonly stores?: readonly string[] | undefined;
  readonly retention?: RetentionInput | null | undefined;
  readonly enabled?: boolean | undefined;
  readonly drillCron?: string | null | undefined;
}

export const SCHEDULES: Operation<Record<string, never>, { schedules: ListedSchedule[] }> = {
  result: z.object({ schedules: z.array(schedule) }),
  document: `query { schedules { ${SCHEDULE_FIELDS} } }`,
};

export const CREATE_SCHEDULE: Operation<
  { readonly input: ScheduleInput },
  { createSchedule: ListedSchedule }
> = {
  result: z.object({ createSchedule: schedule }),
  document: `mutation ($input: ScheduleInput!) { createSchedule(input: $input) { ${SCHEDULE_FIELDS} } }`,
};

export const UPDATE_SCHEDULE: Operation<
  { readonly id: string; readonly input: ScheduleInput },
  { updateSchedule: ListedSchedule }
> = {
  result: z.object({ updateSchedule: schedule }),
  document: `mutation ($id: ID!, $input: ScheduleInput!) { updateSchedule(id: $id, input: $input) { ${SCHEDULE_FIELDS} } }`,
};

interface ById {
  readonly id: string;
}

export const DELETE_SCHEDULE: Operation<ById, { deleteSchedule: boolean }> = {
  result: z.object({ deleteSchedule: z.boolean() }),
  document: `mutation ($id: ID!) { deleteSchedule(id: $id) }`,
};

export const TRIGGER_SCHEDULE: Operation<ById, { triggerSchedule: { id: string; status: string } }> = {
  result: z.object({ triggerSchedule: z.object({ id: z.string(), status: z.string() }) }),
  document: `mutation ($id: ID!) { triggerSchedule(id: $id) { id status } }`,
};

const keptBackup = z.object({
  id: z.string(),
  pinned: z.boolean(),
  deletionRequestedAt: z.string().nullable(),
  deletedAt: z.string().nullable(),
});
export type KeptBackup = z.infer<typeof keptBackup>;
const KEPT_FIELDS = "id pinned deletionRequestedAt deletedAt";

export const PIN_BACKUP: Operation<ById & { readonly pinned: boolean }, { pinBackup: KeptBackup }> = {
  result: z.object({ pinBackup: keptBackup }),
  document: `mutation ($id: ID!, $pinned: Boolean!) { pinBackup(id: $id, pinned: $pinned) { ${KEPT_FIELDS} } }`,
};

export const DELETE_BACKUP: Operation<ById, { deleteBackup: KeptBackup }> = {
  result: z.object({ deleteBackup: keptBackup }),
  document: `mutation ($id: ID!) { deleteBackup(id: $id) { ${KEPT_FIELDS} } }`,
};

const decision = z.object({
  backup: z.object({
    id: z.string(),
    createdAt: z.string(),
    entities: names,
    schedule: z.object({ name: z.string() }).nullable(),
  }),
  reasons: z.array(z.string()),
});
export type Decision = z.infer<typeof decision>;
const pruned = z.object({ kept: z.array(decision), deleted: z.array(decision) });
export type Pruned = z.infer<typeof pruned>;

export const PRUNE: Operation<
  {
    readonly input: {
      readonly scheduleId?: string | undefined;
      readonly retention: RetentionInput;
      readonly dryRun: boolean;
    };
  },
  { pruneBackups: Pruned }
> = {
  result: z.object({ pruneBackups: pruned }),
  document: `mutation ($input: PruneInput!) {
  pruneBackups(input: $input) {
    kept { backup { id createdAt entities schedule { name } } reasons }
    deleted { backup { id createdAt entities schedule { name } } reasons }
  }
}`,
};
