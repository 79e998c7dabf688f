// What every page shows of a run. One selection for all of them, so that an event fills in whatever is on the screen.
import { graphql, type ResultOf } from "./tada.ts";

const progressFields = graphql(`
  fragment ProgressFields on Progress {
    phase
    entity
    table
    rows
    rowsTotal
    bytes
    bytesTotal
    percent
    rowsPerSecond
    etaSeconds
  }
`);
export type Progress = ResultOf<typeof progressFields>;

const tableProgressFields = graphql(`
  fragment TableProgressFields on TableProgress {
    entity
    table
    rows
    rowsTotal
    bytes
    bytesTotal
    rowsPerSecond
    etaSeconds
    done
  }
`);
export type TableProgress = ResultOf<typeof tableProgressFields>;

/** Of each table: what a run's own page shows, and every event brings. */
export const tablesOfProgressFields = graphql(
  `
    fragment TablesOfProgressFields on Progress {
      tables {
        ...TableProgressFields
      }
    }
  `,
  [tableProgressFields],
);

const runErrorFields = graphql(`
  fragment RunErrorFields on RunError {
    code
    message
    hint
  }
`);

export const backupFields = graphql(
  `
    fragment BackupFields on Backup {
      id
      status
      progress {
        ...ProgressFields
      }
      error {
        ...RunErrorFields
      }
      requestedBy
      createdAt
      startedAt
      finishedAt
      durationMs
      label
      entities
      contents {
        entity
        table
        rows
        rawBytes
      }
      encryption
      stores
      sizeBytes
      rawBytes
      rows
      pinned
      downloadUrl
      deletionRequestedAt
      deletedAt
      deletedBy
      origin
      contentsKnown
      storeFailures {
        store
        code
        message
      }
      schedule {
        id
        name
      }
    }
  `,
  [progressFields, runErrorFields],
);
export type BackupRun = ResultOf<typeof backupFields>;

export const restoreFields = graphql(
  `
    fragment RestoreFields on Restore {
      id
      status
      progress {
        ...ProgressFields
      }
      error {
        ...RunErrorFields
      }
      requestedBy
      createdAt
      startedAt
      finishedAt
      durationMs
      entities
      mode
      dryRun
      selectedRows {
        entity
        keys
        match {
          column
          equals
        }
      }
      changes {
        entity
        table
        inserted
        updated
        unchanged
        deleted
      }
      plan
      backup {
        id
        label
        createdAt
        schedule {
          id
          name
        }
      }
    }
  `,
  [progressFields, runErrorFields],
);
export type RestoreRun = ResultOf<typeof restoreFields>;

export const verificationFields = graphql(
  `
    fragment VerificationFields on Verification {
      id
      status
      progress {
        ...ProgressFields
      }
      error {
        ...RunErrorFields
      }
      requestedBy
      createdAt
      startedAt
      finishedAt
      durationMs
      level
      note
      verifiedStores: stores {
        store
        objects
        sizeBytes
        fault
      }
      tables {
        entity
        table
        rows
        foundRows
        fault
      }
    }
  `,
  [progressFields, runErrorFields],
);
export type VerificationRun = ResultOf<typeof verificationFields>;
