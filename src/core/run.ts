// Runs: their kinds, their states, and the progress that they report.

export type RunKind = "BACKUP" | "RESTORE" | "VERIFICATION";
export const RUN_STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

export function isFinal(status: RunStatus): boolean {
  return status === "SUCCEEDED" || status === "FAILED" || status === "CANCELLED";
}

export type RestoreMode = "MERGE" | "REPLACE" | "INSERT_MISSING";

/** queued, planning, copying, sealing (backup); planning, staging, comparing, applying (restore); done. */
export type Phase =
  "queued" | "planning" | "copying" | "sealing" | "staging" | "comparing" | "applying" | "done";

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

/** How a long act is watched and stopped. */
export interface RunControl {
  /** Aborted when the run is cancelled or its process shuts down; the act then stops within two seconds and cleans up. */
  readonly signal: AbortSignal;
  /** Called as often as there is something to say; the receiver throttles. */
  readonly onProgress: (progress: Progress) => void;
}
