// What every page shows of a run. One selection for all of them, so that an event fills in whatever is on the screen.
import { graphql, type ResultOf } from "./tada.ts";

export const backupFields = graphql(`
  fragment BackupFields on Backup {
    id
    status
    progress {
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
    error {
      code
      message
      hint
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
`);
export type BackupRun = ResultOf<typeof backupFields>;

export const restoreFields = graphql(`
  fragment RestoreFields on Restore {
    id
    status
    progress {
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
    error {
      code
      message
      hint
    }
    requestedBy
    createdAt
    startedAt
    finishedAt
    durationMs
    entities
    mode
    dryRun
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
`);
export type RestoreRun = ResultOf<typeof restoreFields>;
export const verificationFields = graphql(`
  fragment VerificationFields on Verification {
    id
    status
    progress {
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
    error {
      code
      message
      hint
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
`);
export type VerificationRun = ResultOf<typeof verificationFields>;
export type Progress = BackupRun["progress"];
