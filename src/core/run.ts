// Runs: their kinds, their states, and the progress that they report.

export type RunKind = "BACKUP" | "RESTORE" | "VERIFICATION";
export const RUN_STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export function isFinal(status: RunStatus): boolean {
  return status === "SUCCEEDED" || status === "FAILED" || status === "CANCELLED";
}

export type RestoreMode = "MERGE" | "REPLACE" | "INSERT_MISSING";

/**
 * queued, planning, copying, sealing (backup); planning, staging, comparing, applying (restore); reading, restoring, checking
 * (verification); done.
 */
export type Phase =
  | "queued"
  | "planning"
  | "copying"
  | "sealing"
  | "staging"
  | "comparing"
  | "applying"
  | "reading"
  | "restoring"
  | "checking"
  | "done";

/** How far a run has come. Counts are of the phase's rows and raw bytes; totals are estimates until they are known. */
export interface Progress {
  readonly phase: Phase;
  readonly entity: string | null;
  readonly rows: number;
  readonly rowsTotal: number | null;
  readonly bytes: number;
  readonly bytesTotal: number | null;
  /** 0 to 100 over the whole run; never falls. */
  readonly percent: number;
  readonly rowsPerSecond: number | null;
  readonly etaSeconds: number | null;
}

export const NO_PROGRESS: Progress = {
  phase: "queued",
  entity: null,
  rows: 0,
  rowsTotal: null,
  bytes: 0,
  bytesTotal: null,
  percent: 0,
  rowsPerSecond: null,
  etaSeconds: null,
};

/** Some rows of an entity's first table: by primary key, or by equal columns; all that is said must hold. */
export interface RowSelection {
  readonly entity: string;
  /** Primary keys as text; the columns of a longer one joined by commas. */
  readonly keys?: readonly string[];
  readonly match?: readonly { readonly column: string; readonly equals: string }[];
}

/** What a restore does (or, as a dry run, would do) to one table. */
export interface TableChanges {
  readonly entity: string;
  /** `schema.name` */
  readonly table: string;
  readonly inserted: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly deleted: number;
}

/** How deep a verification looks: the bytes as stored, what is in them, or a restore of all of it into a scratch database. */
export const VERIFICATION_LEVELS = ["STORED", "CONTENTS", "DRILL"] as const;
export type VerificationLevel = (typeof VERIFICATION_LEVELS)[number];

/** A store's copy of an artifact, read through as it is stored. */
export interface VerifiedStore {
  readonly store: string;
  readonly objects: number;
  readonly sizeBytes: number;
  /** null: every byte is the one that was written. */
  readonly fault: string | null;
}

/** What a verification found of one table. */
export interface VerifiedTable {
  readonly entity: string;
  /** `schema.name` */
  readonly table: string;
  /** As many as were backed up. */
  readonly rows: number;
  /** As many as were found: in the artifact, or restored from it. */
  readonly foundRows: number;
  /** null: the rows are those that were backed up. */
  readonly fault: string | null;
}

export interface VerificationOutcome {
  /** The level that was gone to; see `note` where it is not the one that was asked for. */
  readonly level: VerificationLevel;
  /** What whoever reads the outcome should know; null: nothing. */
  readonly note: string | null;
  readonly stores: readonly VerifiedStore[];
  /** Empty at the level STORED. */
  readonly tables: readonly VerifiedTable[];
}

/** How a long act is watched and stopped. */
export interface RunControl {
  /** Aborted when the run is cancelled or its process shuts down; the act then stops within two seconds and cleans up. */
  readonly signal: AbortSignal;
  /** Called as often as there is something to say; the receiver throttles. */
  readonly onProgress: (progress: Progress) => void;
}
