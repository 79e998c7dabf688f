// What the pages of backups ask and do.
import { backupFields } from "../graphql/fragments.ts";
import { graphql } from "../graphql/tada.ts";

export const BACKUPS = graphql(
  `
    query Backups($first: Int!, $after: String, $filter: BackupFilter) {
      backups(first: $first, after: $after, filter: $filter) {
        totalCount
        pageInfo {
          hasNextPage
          endCursor
        }
        edges {
          node {
            ...BackupFields
          }
        }
      }
    }
  `,
  [backupFields],
);

export const BACKUP = graphql(
  `
    query Backup($id: ID!) {
      backup(id: $id) {
        ...BackupFields
      }
    }
  `,
  [backupFields],
);

export const START_BACKUP = graphql(
  `
    mutation StartBackup($input: StartBackupInput!) {
      startBackup(input: $input) {
        ...BackupFields
      }
    }
  `,
  [backupFields],
);

export const CANCEL_RUN = graphql(`
  mutation CancelRun($id: ID!) {
    cancelRun(id: $id) {
      id
      status
    }
  }
`);
