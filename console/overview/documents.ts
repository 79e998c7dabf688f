// What the overview asks.
import { backupFields, restoreFields } from "../graphql/fragments.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const ACTIVITY = graphql(
  `
    query Activity {
      queued: backups(first: 10, filter: { status: QUEUED }) {
        edges {
          node {
            ...BackupFields
          }
        }
      }
      running: backups(first: 10, filter: { status: RUNNING }) {
        edges {
          node {
            ...BackupFields
          }
        }
      }
      failed: backups(first: 5, filter: { status: FAILED }) {
        edges {
          node {
            ...BackupFields
          }
        }
      }
      succeeded: backups(first: 5, filter: { status: SUCCEEDED }) {
        totalCount
        edges {
          node {
            ...BackupFields
          }
        }
      }
      restores(first: 10) {
        edges {
          node {
            ...RestoreFields
          }
        }
      }
    }
  `,
  [backupFields, restoreFields],
);
export type Activity = ResultOf<typeof ACTIVITY>;

/** The good backups of a schedule, the newest first, with what is known of drills. */
export const HISTORY = graphql(`
  query History($scheduleId: ID!) {
    backups(first: 30, filter: { scheduleId: $scheduleId, status: SUCCEEDED }) {
      edges {
        node {
          id
          label
          createdAt
          sizeBytes
          durationMs
          verifications {
            id
            level
            status
            finishedAt
          }
        }
      }
    }
  }
`);
export type Past = ResultOf<typeof HISTORY>["backups"]["edges"][number]["node"];
