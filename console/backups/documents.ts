// What the pages of backups ask and do.
import { backupFields, tablesOfProgressFields, verificationFields } from "../graphql/fragments.ts";
import { graphql, type ResultOf } from "../graphql/tada.ts";
import { signatureFields } from "../signatures/documents.ts";

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
        progress {
          ...TablesOfProgressFields
        }
        signature {
          ...SignatureFields
        }
        verifications {
          ...VerificationFields
          progress {
            ...TablesOfProgressFields
          }
        }
      }
    }
  `,
  [backupFields, verificationFields, tablesOfProgressFields, signatureFields],
);
/** A backup with what only its own page shows. */
export type DetailedBackup = NonNullable<ResultOf<typeof BACKUP>["backup"]>;
export type DetailedVerification = DetailedBackup["verifications"][number];

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

export const IMPORT_BACKUP = graphql(
  `
    mutation ImportBackup($file: File!, $store: String, $unlock: UnlockInput) {
      importBackup(file: $file, store: $store, unlock: $unlock) {
        ...BackupFields
      }
    }
  `,
  [backupFields],
);

export const SCAN_STORES = graphql(
  `
    mutation ScanStores($stores: [String!]) {
      scanStores(stores: $stores) {
        store
        artifactId
        state
        message
        backup {
          ...BackupFields
        }
      }
    }
  `,
  [backupFields],
);
export type ScannedArtifact = ResultOf<typeof SCAN_STORES>["scanStores"][number];

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
