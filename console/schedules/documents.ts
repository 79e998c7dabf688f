// What the pages of schedules ask and do.
import { backupFields } from "../graphql/fragments.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

const scheduleFields = graphql(
  `
    fragment ScheduleFields on Schedule {
      id
      name
      cron
      timeZone
      entities
      selection {
        entities
        groups
        include
      }
      recipients
      stores
      retention {
        keepLast
        keepDaily
        keepWeekly
        keepMonthly
        keepYearly
      }
      enabled
      drillCron
      createdBy
      nextRunAt
      nextDrillAt
      lastBackup {
        ...BackupFields
      }
      lastDrill {
        id
        status
        finishedAt
      }
    }
  `,
  [backupFields],
);
export type Schedule = ResultOf<typeof scheduleFields>;
export type Retention = Schedule["retention"];

export const SCHEDULES = graphql(
  `
    query Schedules {
      schedules {
        ...ScheduleFields
      }
    }
  `,
  [scheduleFields],
);

export const CREATE_SCHEDULE = graphql(
  `
    mutation CreateSchedule($input: ScheduleInput!) {
      createSchedule(input: $input) {
        ...ScheduleFields
      }
    }
  `,
  [scheduleFields],
);

export const UPDATE_SCHEDULE = graphql(
  `
    mutation UpdateSchedule($id: ID!, $input: ScheduleInput!) {
      updateSchedule(id: $id, input: $input) {
        ...ScheduleFields
      }
    }
  `,
  [scheduleFields],
);

export const DELETE_SCHEDULE = graphql(`
  mutation DeleteSchedule($id: ID!) {
    deleteSchedule(id: $id)
  }
`);

export const TRIGGER_SCHEDULE = graphql(
  `
    mutation TriggerSchedule($id: ID!) {
      triggerSchedule(id: $id) {
        ...BackupFields
      }
    }
  `,
  [backupFields],
);

export const PRUNE = graphql(`
  mutation Prune($input: PruneInput!) {
    pruneBackups(input: $input) {
      kept {
        reasons
        backup {
          id
          label
          createdAt
          pinned
        }
      }
      deleted {
        reasons
        backup {
          id
          label
          createdAt
          pinned
        }
      }
    }
  }
`);
export type PruneResult = ResultOf<typeof PRUNE>["pruneBackups"];
