// The act of restoring: open and check the artifact, stage the chosen tables' rows beside the live ones, and then say
// what would change (a dry run), or change it in one transaction.
import { availableParallelism } from "node:os";
import { allOrNone } from "../core/all-or-none.ts";
import type { ManifestPart } from "../core/artifact.ts";
import { tableLabel, type Catalog } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { createProgressMeter } from "../core/progress.ts";
import type { Phase, RestoreMode, RunControl, TableChanges } from "../core/run.ts";
import { openDatabase } from "../postgres/connect.ts";
import { openStaging, type Staging } from "../postgres/staging.ts";
import { dropStaging, takeOver } from "../postgres/staging-schema.ts";
import type { ArtifactSource } from "./artifact-io.ts";
import { openArtifact, type ArtifactReader, type Expectation, type Unlock } from "./artifact-reader.ts";
import { checkWithin, chooseTables, type RestoreChoice } from "./restore-choice.ts";

export interface RestoreDeps {
  /** The URL of a database of the catalog, by name. */
  readonly databaseUrl: (name: string) => string;
  readonly catalog: Catalog;
  /** Where the artifact is; whoever made it closes it. */
  readonly source: ArtifactSource;
  /** Connections that load at the same time; left out: by the machine's cores. */
  readonly connections?: number;
}

export interface RestoreOrder {
  /** A UUID. A run that is tried again finds out by it what an earlier attempt did. */
  readonly runId: string;
  /** Counts the attempts at the run, from 1. */
  readonly attempt: number;
  /** Names of entities; left out: all that the backup holds. */
  readonly entities?: readonly string[] | undefined;
  /** Names of entities: a backup that holds any other is refused as a whole. */
  readonly within?: readonly string[] | undefined;
  readonly mode: RestoreMode;
  readonly dryRun: boolean;
  /** The plan of a dry run: a restore that would do anything else is refused. */
  readonly expectPlan?: string | undefined;
  readonly unlock?: Unlock | undefined;
  /** What the artifact has to be, where that is known: nobody can put another one in its place. */
  readonly expected?: Expectation | undefined;
}

export interface RestoreResult {
  readonly changes: readonly TableChanges[];
  /** Identifies what was found to do; the same for the same backup, choice and live rows. */
  readonly plan: string;
}

const SHARES = { planning: [0, 1], staging: [1, 60], comparing: [60, 75], applying: [75, 100] } as const;

/**
 * Restores, or with `dryRun` says what restoring would do. When it rejects, the database is as it was. May be called
 * again for the same run with a higher attempt; a restore that has been applied is then not applied twice.
 * `forgetRestore` ends that, once the success is written down elsewhere.
 * @throws HoldfastError of the artifact (ARTIFACT_*, WRONG_PASSPHRASE, ...), of the choice (ENTITY_NOT_IN_BACKUP,
 *   FOREIGN_CONTENTS, BAD_INPUT), of the database (MISSING_REFERENCES, PLAN_CHANGED, ...); the signal's reason when it is aborted
 */
export async function restore(
  deps: RestoreDeps,
  order: RestoreOrder,
  control: RunControl,
): Promise<RestoreResult> {
  const meter = createProgressMeter(SHARES, control.onProgress);
  meter.enter("planning");
  const artifact = await openArtifact(deps.source, order.unlock, control.signal, order.expected);
  if (order.within !== undefined) checkWithin(artifact.manifest, order.within);
  const choice = chooseTables(deps.catalog, artifact.manifest, order.entities);
  const stop = new AbortController();
  const signal = AbortSignal.any([control.signal, stop.signal]);
  const database = openRestored(deps, choice.database);
  try {
    const done = await takeOver(database, order, signal);
    if (done !== undefined) {
      meter.enter("done");
      return done;
    }
    const staging = await openStaging(
      database,
      {
        runId: order.runId,
        attempt: order.attempt,
        tables: choice.tables.map(({ table }) => table),
        entityOf: choice.entityOf,
      },
      signal,
    );
    try {
      meter.enter("staging", {
        rows: choice.tables.reduce((sum, { table }) => sum + table.rows, 0),
        bytes: choice.tables.reduce((sum, { table }) => sum + table.rawBytes, 0),
      });
      await stageParts(staging, artifact, choice, stop, (part, bytes) => {
        const rows = bytes === part.rawBytes ? part.rows : Math.round((part.rows * bytes) / part.rawBytes);
        meter.add({ rows, bytes, entity: choice.entityAt(part.table) });
      });
      let phase: Phase = "staging";
      let rowsBefore = 0;
      const request = {
        mode: order.mode,
        subject: [artifact.manifest.id, ...choice.entities].join(" "),
        onProgress: (progress: { phase: Phase; entity: string; rows: number; rowsTotal: number }) => {
          if (progress.phase !== phase) {
            ({ phase } = progress);
            rowsBefore = 0;
            meter.enter(phase, { rows: progress.rowsTotal, bytes: null });
          }
          meter.add({ rows: progress.rows - rowsBefore, bytes: 0, entity: progress.entity });
          rowsBefore = progress.rows;
        },
      };
      const result = order.dryRun
        ? await staging.preview(request)
        : await staging.apply({ ...request, expectPlan: order.expectPlan });
      if (order.dryRun && order.expectPlan !== undefined && order.expectPlan !== result.plan)
        throw new HoldfastError(
          "PLAN_CHANGED",
          "The restore would do something else than what the plan says.",
        );
      meter.enter("done");
      return result;
    } finally {
      await staging.close();
    }
  } finally {
    stop.abort();
    await database.close();
  }
}

/** Forgets what a restore that succeeded, or ended for good, has left in its database. */
export async function forgetRestore(
  deps: Pick<RestoreDeps, "databaseUrl">,
  run: { readonly runId: string; readonly database: string },
  signal: AbortSignal,
): Promise<void> {
  const database = openRestored(deps, run.database);
  try {
    await dropStaging(database, run.runId, signal);
  } finally {
    await database.close();
  }
}

function openRestored(deps: Pick<RestoreDeps, "databaseUrl" | "connections">, name: string) {
  const connections = deps.connections ?? Math.max(2, Math.min(4, availableParallelism()));
  return openDatabase({
    name,
    url: deps.databaseUrl(name),
    applicationName: "holdfast restore",
    maxConnections: connections,
  });
}

/** Loads every part of the chosen tables, several at a time, and holds each to what the manifest says of it. */
async function stageParts(
  staging: Staging,
  artifact: ArtifactReader,
  choice: RestoreChoice,
  stop: AbortController,
  onBytes: (part: ManifestPart, bytes: number) => void,
): Promise<void> {
  const chosen = new Map(choice.tables.map(({ position, table }) => [position, table]));
  // An iterator that is shared hands every part out once.
  const parts = artifact.manifest.parts.filter((part) => chosen.has(part.table)).values();
  const load = async (): Promise<void> => {
    for (const part of parts) {
      const table = chosen.get(part.table);
      if (table === undefined) continue;
      const rows = await staging.load(
        table,
        counted(artifact.readPart(part), (bytes) => onBytes(part, bytes)),
      );
      if (rows !== part.rows) {
        throw new HoldfastError(
          "ARTIFACT_CORRUPT",
          `${part.name} loads ${rows} rows into ${tableLabel(table)} where the manifest says ${part.rows}.`,
        );
      }
    }
  };
  await allOrNone(stop, Array.from({ length: staging.loadConcurrency }, load));
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    onBytes(chunk.length);
  }
}
