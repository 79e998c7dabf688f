// What became of a restore, as its databases know it: asked when a run is to be ended and nobody has written its success down.
import { openDatabase } from "../postgres/connect.ts";
import { findOutcome, type Outcome } from "../postgres/staging-schema.ts";
import type { RestoreDeps, RestoreResult } from "./restore.ts";

/**
 * Finds out what attempts at a run have committed, and ends whatever they still do: what has not been committed by now never will.
 * @param run.attempt the last attempt that may have been made
 * @param run.databases all that the restore is about
 * @returns what it did, where it was applied in all of its databases; PARTIAL where it was in some; undefined: in none
 * @throws HoldfastError DATABASE_UNREACHABLE where one cannot be asked; SUPERSEDED when a later attempt is there
 */
export async function findApplied(
  deps: Pick<RestoreDeps, "databaseUrl">,
  run: { readonly runId: string; readonly attempt: number; readonly databases: readonly string[] },
  signal: AbortSignal,
): Promise<RestoreResult | "PARTIAL" | undefined> {
  const applied: Outcome[] = [];
  for (const name of run.databases.toSorted()) {
    const url = deps.databaseUrl(name);
    const database = openDatabase({ name, url, applicationName: "holdfast restore", maxConnections: 1 });
    try {
      const outcome = await findOutcome(database, run, signal);
      if (outcome !== undefined) applied.push(outcome);
    } finally {
      await database.close();
    }
  }
  const [first] = applied;
  if (first === undefined) return undefined;
  if (applied.length < run.databases.length) return "PARTIAL";
  return { plan: first.plan, changes: applied.flatMap(({ tables }) => tables.map(({ changes }) => changes)) };
}
