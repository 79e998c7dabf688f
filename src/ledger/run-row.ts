// A run as the rest of Holdfast reads it, and the writing of a change together with its announcement.
import { getTableColumns, sql, type SQL } from "drizzle-orm";
import type { Progress, VerificationOutcome } from "../core/run.ts";
import type { BackupRequest, RestoreOutcome, RestoreRequest, VerificationRequest } from "./run-request.ts";
import { runs } from "./tables.ts";

/** Every change of a run is announced here, with the run's id as the payload, after its row is written. */
export const RUNS_CHANNEL = "holdfast_runs";

type Row = typeof runs.$inferSelect;
type Common = Omit<Row, "kind" | "request" | "outcome" | "sealedSecret" | "peerSecret">;

export type BackupRun = Common & { readonly kind: "BACKUP"; request: BackupRequest; outcome: null };
export type RestoreRun = Common & {
  readonly kind: "RESTORE";
  request: RestoreRequest;
  /** Once it has SUCCEEDED. */
  outcome: RestoreOutcome | null;
};
export type VerificationRun = Common & {
  readonly kind: "VERIFICATION";
  request: VerificationRequest;
  /** Once it has found something out: that all is well, or what is not. */
  outcome: VerificationOutcome | null;
};
/** A run's row without its sealed secret, which only the worker that claims the run is given. */
export type Run = BackupRun | RestoreRun | VerificationRun;

const { sealedSecret: _, peerSecret: _peer, ...columns } = getTableColumns(runs);

/** What to select for `toRun`. */
export const runColumns = columns;

/** For `returning`: the row as it is now, announced to every listener once the transaction commits. */
export const announcedRunColumns = {
  ...columns,
  announced: sql<string>`pg_notify(${RUNS_CHANNEL}, ${runs.id}::text)`,
};

/** Set in every change that is announced. */
export const nextRevision: SQL = sql`${runs.revision} + 1`;

/** How far the run is from now on; left out: as far as it was. The percentage never falls, also not in a new attempt. */
export function nextProgress(progress: Progress | undefined): SQL {
  if (progress === undefined) return sql`${runs.progress}`;
  const percent = sql`greatest((${runs.progress} ->> 'percent')::float8, ${progress.percent}::float8)`;
  return sql`jsonb_set(${JSON.stringify(progress)}::jsonb, '{percent}', to_jsonb(${percent}))`;
}

export function toRun(row: Omit<Row, "sealedSecret" | "peerSecret"> & { readonly announced?: string }): Run {
  const { announced: _announced, ...run } = row;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- createRun and finishRun write what the kind says
  return run as Run;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Ids come from clients as any text at all, and PostgreSQL refuses to compare a uuid with what is not one. */
export function isRunId(id: string): boolean {
  return UUID.test(id);
}

/** True for a run with one of the ids, however many there are: they travel as one parameter. */
export function hasRunId(ids: readonly string[]): SQL {
  return sql`${runs.id} = any(${`{${ids.filter(isRunId).join(",")}}`}::uuid[])`;
}
