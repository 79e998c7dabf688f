// Takes away what restores have staged and nobody has dropped: of processes that were killed, or lost their database.
import { openDatabase } from "../postgres/connect.ts";
import { sweepStaging, type StagedRun } from "../postgres/staging-schema.ts";
import type { RestoreDeps } from "./restore.ts";

export type { StagedRun } from "../postgres/staging-schema.ts";

/**
 * Drops in one database what runs that are over have staged; what a process works with stays, whoever's it is.
 * @param findAbandoned says of which of the runs there is nothing to keep, their outcome among it
 * @returns the names of the schemas that were dropped
 * @throws HoldfastError DATABASE_UNREACHABLE, DATABASE_DENIED
 */
export async function sweepDatabase(
  deps: Pick<RestoreDeps, "databaseUrl">,
  name: string,
  findAbandoned: (runs: readonly StagedRun[]) => Promise<ReadonlySet<string>>,
  signal: AbortSignal,
): Promise<string[]> {
  const url = deps.databaseUrl(name);
  const database = openDatabase({ name, url, applicationName: "holdfast sweep", maxConnections: 1 });
  try {
    return await sweepStaging(database, findAbandoned, signal);
  } finally {
    await database.close();
  }
}
