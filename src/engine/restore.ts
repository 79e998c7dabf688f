// The act of restoring: open and check the artifact, stage the chosen tables' rows beside the live ones, and then say
// what would change (a dry run), or change it in one transaction for each database.
import { availableParallelism } from "node:os";
import { PART_RAW_BYTES } from "../codec/part.ts";
import type { Manifest } from "../core/artifact.ts";
import { tableLabel, type Catalog } from "../core/catalog.ts";
import { isHoldfastError } from "../core/errors.ts";
import { createProgressMeter, sumUp } from "../core/progress.ts";
import { checkRowSelections } from "../core/row-selection.ts";
import type { RestoreMode, RowSelection, RunControl, TableChanges } from "../core/run.ts";
import type { TableRows } from "../core/table-progress.ts";
import { openDatabase, type Database } from "../postgres/connect.ts";
import type { Foresight } from "../postgres/foresight.ts";
import { applyRestore, previewRestore, type RestoreShare } from "../postgres/restore-everywhere.ts";
import { openStaging } from "../postgres/staging.ts";
import { stagingPieces } from "../postgres/staging-pieces.ts";
import { dropStaging, stagingSchema, takeOver, type RestoreResult } from "../postgres/staging-schema.ts";
import type { ArtifactSource } from "./artifact-io.ts";
import { openArtifact, type ArtifactReader, type Expectation, type Unlock } from "./artifact-reader.ts";
import type { LoadSharing, LoadTarget } from "./load-pieces.ts";
import { loadTables } from "./load-tables.ts";
import { checkWithin, chooseTables } from "./restore-choice.ts";

export type { RestoreResult } from "../postgres/staging-schema.ts";

export interface RestoreDeps {
  /** The URL of a database of the catalog, by name. */
  readonly databaseUrl: (name: string) => string;
  readonly catalog: Catalog;
  /** Where the artifact is; whoever made it closes it. */
  readonly source: ArtifactSource;
  /** Connections that load at the same time; left out: by the machine's cores. */
  readonly connections?: number | undefined;
  /** Other processes that may load parts of large tables; left out: there are none. */
  readonly sharing?: LoadSharing | undefined;
}

export interface RestoreOrder {
  /** A UUID. A run that is tried again finds out by it what an earlier attempt did. */
  readonly runId: string;
  /** Counts the attempts at the run, from 1. */
  readonly attempt: number;
  /** Names of entities; left out: all that the backup holds, or those that `rows` are of. */
  readonly entities?: readonly string[] | undefined;
  /** Of these entities only these rows, and what belongs to them; not with REPLACE. */
  readonly rows?: readonly RowSelection[] | undefined;
  /** Names of entities: a backup that holds any other is refused as a whole. */
  readonly within?: readonly string[] | undefined;
  readonly mode: RestoreMode;
  readonly dryRun: boolean;
  /** Of a dry run: how many rows of each table and kind its changes are to show; left out: none. */
  readonly sampleRows?: number | undefined;
  /** The plan of a dry run: a restore that would do anything else is refused. */
  readonly expectPlan?: string | undefined;
  /** What is asked of tables as they will be, and may refuse it; left out: nothing. */
  readonly foresight?: Foresight | undefined;
  readonly unlock?: Unlock | undefined;
  /** What the artifact has to be, where that is known: nobody can put another one in its place. */
  readonly expected?: Expectation | undefined;
  /** Told what the artifact is before anything of it is used; what it rejects with ends the restore, and nothing is changed. */
  readonly accept?:
    ((artifact: Pick<ArtifactReader, "signedBy" | "manifestSha256">) => Promise<void>) | undefined;
}

const SHARES = { planning: [0, 1], staging: [1, 60], comparing: [60, 75], applying: [75, 100] } as const;
/** Of tables with fewer bytes of COPY text there is hardly a part left to stage when the first ones are. */
const EARLY_BYTES = 3 * PART_RAW_BYTES;
/** Connections beside those that load: for rows that are inserted early, and for what is to be said about the work of others. */
const BESIDE = 2;
/** How long commits that have begun may take after the caller has asked to stop. */
const COMMIT_GRACE_MS = 10_000;

/**
 * Restores, or with `dryRun` says what restoring would do. When it rejects, every database is as it was, unless it says
 * PARTIALLY_APPLIED or OUTCOME_UNKNOWN. May be called again for the same run with a higher attempt: what has been applied is
 * then not applied twice, and what is missing is. `forgetRestore` ends that, once the success is written down elsewhere.
 * @throws HoldfastError of the artifact (ARTIFACT_*, WRONG_PASSPHRASE, ...), of the choice (ENTITY_NOT_IN_BACKUP,
 *   ROWS_NOT_IN_BACKUP, FOREIGN_CONTENTS, BAD_INPUT), of the databases (MISSING_REFERENCES, PLAN_CHANGED, ...); the signal's
 *   reason when it is aborted
 */
export async function restore(
  deps: RestoreDeps,
  order: RestoreOrder,
  control: RunControl,
): Promise<RestoreResult> {
  const meter = createProgressMeter(SHARES, control.onProgress);
  meter.enter("planning");
  const rows = order.rows && checkRowSelections(deps.catalog, order.rows, order.mode);
  const stop = new AbortController();
  const stopping = stopWith(control.signal, stop);
  const artifact = await openArtifact(deps.source, order.unlock, stop.signal, order.expected);
  const { manifest } = artifact;
  if (order.within !== undefined) checkWithin(manifest, order.within);
  await order.accept?.(artifact);
  const choice = chooseTables(deps.catalog, manifest, order.entities, rows);
  const opened: Target[] = [];
  try {
    const shares: RestoreShare[] = [];
    for (const part of choice.databases) {
      const database = openRestored(deps, part.name);
      const beside = openRestored({ ...deps, connections: BESIDE }, part.name);
      const pieces = stagingPieces(beside, stagingSchema(order.runId, order.attempt), stop.signal);
      const target: Target = { part, database, beside, pieces, staging: undefined };
      opened.push(target);
      const applied = await takeOver(database, order, stop.signal);
      if (applied !== undefined) shares.push({ database: part.name, applied });
    }
    // Half of it is done: only the other half can make that right again.
    if (shares.length > 0) stopping.ignoreCancelling();
    for (const target of opened) {
      const { part, database } = target;
      if (shares.some((share) => share.database === part.name)) continue;
      const { runId, attempt } = order;
      const tables = part.tables.map(({ table }) => table);
      const options = { runId, attempt, tables, catalog: part.catalog };
      target.staging = await openStaging(database, options, stop.signal);
      const large = tables.filter(({ rawBytes }) => rawBytes >= EARLY_BYTES);
      if (!order.dryRun && large.length > 0 && part.chosenRows.length === 0)
        await target.staging.insertEarly(target.beside, large);
      shares.push({ database: part.name, staging: target.staging });
    }
    const targets = opened.flatMap(({ staging, ...target }) => (staging ? [{ ...target, staging }] : []));
    await loadTables(targets, { artifact, sharing: deps.sharing, stop, meter });
    for (const { part, staging } of opened)
      for (const { first, selectors } of part.chosenRows) await staging?.choose(first, selectors);

    const request = {
      mode: order.mode,
      subject: JSON.stringify([manifest.id, choice.entities, rows]),
      expectPlan: order.expectPlan,
      foresight: order.foresight,
      onPhase: (phase: "comparing" | "applying", rows: readonly TableRows[]) => {
        const tables = rows.map((table) => ({ ...table, bytes: null }));
        meter.enter(phase, { ...sumUp(tables, true), bytes: null });
      },
      onRows: (rows: TableRows) => meter.add({ ...rows, bytes: 0 }),
    };
    const inOrder = shares.toSorted((one, other) => (one.database < other.database ? -1 : 1));
    const result = order.dryRun
      ? await previewRestore(inOrder, { ...request, sampleRows: order.sampleRows })
      : await applyRestore(inOrder, { ...request, beforeCommit: () => stopping.beforeCommit() });
    meter.enter("done");
    return { ...result, changes: inManifestOrder(manifest, result.changes) };
  } finally {
    stopping.end();
    for (const { staging } of opened) await staging?.close();
    stop.abort();
    for (const { database, beside } of opened) await Promise.all([database.close(), beside.close()]);
  }
}

/** One of the databases that a restore is about. */
interface Target extends Omit<LoadTarget, "staging"> {
  readonly database: Database;
  /** The same, for what goes on while all of its own connections load. */
  readonly beside: Database;
  /** undefined: not yet, or applied by an earlier attempt. */
  staging: LoadTarget["staging"] | undefined;
}

/** Forgets what a restore that succeeded, or ended for good, has left in a database. */
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

/** Passes on that the caller wants to stop, as long as stopping leaves everything as it was. */
function stopWith(signal: AbortSignal, stop: AbortController) {
  let grace: NodeJS.Timeout | undefined;
  let committing = false;
  let finishes = false;
  const pass = (): void => {
    if (finishes && isHoldfastError(signal.reason, "CANCELLED")) return;
    if (committing) grace ??= setTimeout(() => stop.abort(signal.reason), COMMIT_GRACE_MS);
    else stop.abort(signal.reason);
  };
  signal.addEventListener("abort", pass);
  if (signal.aborted) pass();
  return {
    ignoreCancelling(): void {
      finishes = true;
    },
    /** A database that commits is given the time to: what was asked for comes too late, or just in time. */
    beforeCommit(): void {
      stop.signal.throwIfAborted();
      committing = true;
    },
    end(): void {
      clearTimeout(grace);
      signal.removeEventListener("abort", pass);
    },
  };
}

function inManifestOrder({ tables }: Manifest, changes: readonly TableChanges[]): TableChanges[] {
  const places = new Map(
    tables.map((table, place) => [JSON.stringify([table.entity, tableLabel(table)]), place]),
  );
  const placeOf = ({ entity, table }: TableChanges): number =>
    places.get(JSON.stringify([entity, table])) ?? 0;
  return changes.toSorted((one, other) => placeOf(one) - placeOf(other));
}
