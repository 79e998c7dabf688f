// What the pages of backups ask and do.
import { backupFields, verificationFields } from "../graphql/fragments.ts";
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
        verifications {
          ...VerificationFields
        }
      }
    }
  `,
  [backupFields, verificationFields],
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

export const PIN_BACKUP = graphql(`
  mutation PinBackup($id: ID!, $pinned: Boolean!) {
    pinBackup(id: $id, pinned: $pinned) {
      id
      pinned
    }
  }
`);

export const DELETE_BACKUP = graphql(
  `
    mutation DeleteBackup($id: ID!) {
      deleteBackup(id: $id) {
        ...BackupFields
      }
    }
  `,
  [backupFields],
);

export const START_VERIFICATION = graphql(
  `
    mutation StartVerification($input: StartVerificationInput!) {
      startVerification(input: $input) {
        ...VerificationFields
      }
    }
  `,
  [verificationFields],
);

export const REKEY_BACKUP = graphql(
  `
    mutation RekeyBackup($input: RekeyBackupInput!) {
      rekeyBackup(input: $input) {
        ...BackupFields
      }
    }
  `,
  [backupFields],
);
