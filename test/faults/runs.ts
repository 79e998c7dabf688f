// The runs of a round, as the ledger has them.
import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import type { Rig } from "./rig.ts";

/** From the moment when all parts are back. */
export const FINAL_WITHIN_MS = 60_000;

/** Something that has to hold, and does not. */
export class RoundFault extends Error {}

export interface RunEnd {
  readonly kind: string;
  readonly status: string;
  readonly code: string | null;
  readonly attempts: number;
}

export interface EndedRun extends RunEnd {
  readonly id: string;
  readonly message: string | null;
  /** Of a backup that has succeeded. */
  readonly artifactId: string | null;
  readonly stores: readonly string[] | null;
}

export async function askLedger<Row extends object>(
  rig: Rig,
  ask: (sql: postgres.Sql) => Promise<readonly Row[]>,
): Promise<readonly Row[]> {
  const sql = postgres(rig.ledgerUrl, {
    max: 1,
    connect_timeout: 5,
    connection: { application_name: "harness" },
  });
  try {
    return await ask(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** @throws RoundFault where runs go on for longer than a minute */
export async function waitForEnds(rig: Rig, since: Date, backAt: number): Promise<readonly EndedRun[]> {
  for (;;) {
    const runs = await askLedger<EndedRun>(
      rig,
      (sql) => sql`
        SELECT r.id, kind::text, status::text, error_code AS code, error_message AS message, attempt AS attempts,
          a.id AS "artifactId", a.stores
        FROM holdfast.runs r LEFT JOIN holdfast.artifacts a ON a.run_id = r.id
        WHERE r.created_at >= ${since} OR r.finished_at IS NULL ORDER BY r.created_at`,
    );
    if (runs.every(({ status }) => ["SUCCEEDED", "FAILED", "CANCELLED"].includes(status))) return runs;
    if (performance.now() - backAt > FINAL_WITHIN_MS)
      throw new RoundFault(
        `a minute after everything is back these runs have not ended: ${JSON.stringify(runs.filter(({ status }) => ["QUEUED", "RUNNING"].includes(status)))}`,
      );
    await delay(100);
  }
}
