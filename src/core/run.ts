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
  /** `schema.name` of the table that was counted last; several may be worked on at once. Left out where none is. */
  readonly table?: string | undefined;
  readonly rows: number;
  readonly rowsTotal: number | null;
  readonly bytes: number;
  readonly bytesTotal: number | null;
  /** 0 to 100 over the whole run; never falls. */
  readonly percent: number;
  readonly rowsPerSecond: number | null;
  readonly etaSeconds: number | null;
  /** Of the phase's tables the largest ones, in the phase's order. Left out where a phase does not go by tables. */
  readonly tables?: readonly TableProgress[] | undefined;
}

/** How far a phase has come with one table. */
export interface TableProgress {
  readonly entity: string;
  /** `schema.name` */
  readonly table: string;
  readonly rows: number;
  /** An estimate until the table is done. */
  readonly rowsTotal: number | null;
  readonly bytes: number;
  readonly bytesTotal: number | null;
  /** Since its first row was counted; null: not begun, or done. */
  readonly rowsPerSecond: number | null;
  readonly etaSeconds: number | null;
  /** All of it has been counted. */
  readonly done: boolean;
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

/** A column of a row that a restore changes, as text; long text is cut and ends in an ellipsis. */
export interface ColumnSample {
  readonly column: string;
  /** null: NULL, or no row. */
  readonly before: string | null;
  /** null: NULL, or no row. */
  readonly after: string | null;
  /** Whether the two differ, also beyond what is shown of them. */
  readonly changed: boolean;
}

/** One of the rows that a restore would change. */
export interface RowSample {
  readonly kind: "INSERTED" | "UPDATED" | "DELETED";
  readonly columns: readonly ColumnSample[];
}

/** What stands in the way of a restore, found before anything was changed. */
export interface RestoreConflict {
  /** Two rows that cannot be there together; rows that would refer to nothing; rows that would lose what they refer to. */
  readonly kind: "UNIQUE" | "MISSING_REFERENCE" | "STILL_REFERENCED";
  /** Whose table it is; null: no entity's. */
  readonly entity: string | null;
  /** `schema.name` */
  readonly table: string;
  readonly constraint: string;
  readonly rows: number;
  /** What collides or is missing, for example: `name = a`. */
  readonly values: string;
  /** The backup's row, by its key, of a UNIQUE conflict: `id = 1`. */
  readonly row: string | null;
  /** The row that it collides with. */
  readonly other: string | null;
  /** false: the other row is the backup's too. */
  readonly otherIsLive: boolean | null;
  /** `schema.name` of the table that is referred to. */
  readonly references: string | null;
  /** The entity to restore as well. */
  readonly add: string | null;
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
  /** Of a dry run that was asked for some: a few rows of each kind. */
  readonly samples?: readonly RowSample[];
}

/**
 * What vouches for an artifact: OWN_KEY, this installation has signed it; TRUSTED_KEY, somebody whose key is trusted; RECORDED, nobody
 * has signed it, but the ledger knows that it was made here, and what it was. UNKNOWN_KEY and UNSIGNED: nothing does.
 */
export type Authenticity = "OWN_KEY" | "TRUSTED_KEY" | "RECORDED" | "UNKNOWN_KEY" | "UNSIGNED";

/** Who has signed an artifact, and whether that, or anything else, vouches for it. */
export interface ArtifactSignature {
  readonly authenticity: Authenticity;
  /** null: it is not signed. */
  readonly publicKey: string | null;
  /** What the key is called here; null: it is not known, or there is none. */
  readonly keyName: string | null;
}

/** How deep a verification looks: the bytes as stored, what is in them, or a restore of all of it into a scratch database. */
export type VerificationLevel = "STORED" | "CONTENTS" | "DRILL";

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
  /** Left out: by a version that did not look, or nothing sound was found. */
  readonly signature?: ArtifactSignature;
}

/** How a long act is watched and stopped. */
export interface RunControl {
  /** Aborted when the run is cancelled or its process shuts down; the act then stops within two seconds and cleans up. */
  readonly signal: AbortSignal;
  /** Called as often as there is something to say; the receiver throttles. */
  readonly onProgress: (progress: Progress) => void;
}
