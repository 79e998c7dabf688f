// What the tests of shared runs have in common: a Holdfast with tables of some size, whose workers wait with parts when they are told to.
import { rm, writeFile } from "node:fs/promises";
import { expect, onTestFinished } from "vitest";
import { createSite, PATIENCE_MS, type Site } from "./process-fixture.ts";
import { makeSharedTables } from "./sharing-tables.ts";

export interface SharedSite extends Site {
  /** Workers wait with parts from now on. */
  hold(): Promise<void>;
  release(): Promise<void>;
  /** How many pieces of the run each of the workers, by name, has in that state. */
  pieces(runId: string, status: string): Promise<Record<string, number>>;
  /** Until so many workers, one if left out, have taken pieces of the run. */
  untilTaken(runId: string, workers?: number): Promise<void>;
}

export async function createSharedSite(): Promise<SharedSite> {
  const site = await createSite("sharing-process.ts");
  const { ledger, directory } = site;
  await makeSharedTables(ledger.sql);
  const release = () => rm(`${directory}.hold`, { force: true });
  onTestFinished(release);
  const pieces: SharedSite["pieces"] = async (runId, status) => {
    const rows = await ledger.sql<{ worker: string; count: number }[]>`
      select worker, count(*)::int from holdfast.pieces
      where run_id = ${runId} and status::text = ${status} group by worker`;
    return Object.fromEntries(rows.map(({ worker, count }) => [worker, count]));
  };
  return {
    ...site,
    hold: () => writeFile(`${directory}.hold`, ""),
    release,
    pieces,
    untilTaken: (runId, workers = 1) =>
      expect
        .poll(async () => Object.keys(await pieces(runId, "TAKEN")).length, { timeout: PATIENCE_MS })
        .toBeGreaterThanOrEqual(workers),
  };
}
