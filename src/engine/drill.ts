// The act of a drill: an artifact is restored, all of it, into databases made for it, and what is there then is held against
// what was backed up. The databases are dropped again, whatever happens.
import { availableParallelism } from "node:os";
import { formatRowSum, ROW_SUM_ALGORITHM, RowSum } from "../codec/row-sum.ts";
import { allOrNone } from "../core/all-or-none.ts";
import type { Manifest, ManifestTable } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { createProgressMeter, type ProgressMeter } from "../core/progress.ts";
import type { RunControl, VerifiedTable } from "../core/run.ts";
import { openDatabase, type Database } from "../postgres/connect.ts";
import { copyIn } from "../postgres/copy-in.ts";
import { copyTable } from "../postgres/copy-out.ts";
import {
  createScratchDatabase,
  dropScratchDatabases,
  type ScratchServer,
} from "../postgres/scratch-database.ts";
import { countOrphans, createKey, createScratchSchema, foreignKeyLabel } from "../postgres/scratch-schema.ts";
import type { Session } from "../postgres/session.ts";
import { storedColumns } from "../postgres/table-shape.ts";
import type { ArtifactSource } from "./artifact-io.ts";
import { totalsOf } from "./table-totals.ts";
import { openArtifact, type ArtifactReader, type Expectation, type Unlock } from "./artifact-reader.ts";

export interface DrillDeps {
  /** Where the artifact is; whoever made it closes it. */
  readonly source: ArtifactSource;
  /** The URL of a database on the server that the scratch database is made on, by the name of the backed-up one. */
  readonly serverUrl: (database: string) => string;
  /** Left out: by the machine's cores. */
  readonly connections?: number | undefined;
}

export interface DrillOrder {
  /** A UUID, which the scratch databases are named by. */
  readonly runId: string;
  readonly unlock?: Unlock | undefined;
  readonly expected?: Expectation | undefined;
}

export interface DrillResult {
  readonly manifest: Manifest;
  /** As of the artifact's reader. */
  readonly signedBy: string | null;
  /** In the manifest's order. */
  readonly tables: readonly VerifiedTable[];
}

const SHARES = { planning: [0, 2], restoring: [2, 65], checking: [65, 99] } as const;

/**
 * Restores everything into scratch databases and compares. Every table is looked at, also after one has failed.
 * @throws HoldfastError DRILL_FAILED naming each table that is not what was backed up, with `details.tables` as in the result;
 *   EXTENSION_MISSING, DRILL_UNSUPPORTED, DATABASE_DENIED (no right to create databases); of the artifact; the signal's reason
 */
export async function drill(deps: DrillDeps, order: DrillOrder, control: RunControl): Promise<DrillResult> {
  const meter = createProgressMeter(SHARES, control.onProgress);
  meter.enter("planning");
  const artifact = await openArtifact(deps.source, order.unlock, control.signal, order.expected);
  const { manifest, signedBy } = artifact;
  const connections = deps.connections ?? Math.max(2, Math.min(4, availableParallelism()));
  await using scratches = new AsyncDisposableStack();
  const drills: TableDrill[] = [];
  const halls: Hall[] = [];
  for (const { name, encoding } of manifest.databases) {
    const server: ScratchServer = { name, url: deps.serverUrl(name) };
    const scratch = scratches.use(
      await createScratchDatabase(server, { runId: order.runId, encoding }, control.signal),
    );
    const database = openDatabase({
      ...{ name, url: scratch.url, applicationName: "holdfast drill", maxConnections: connections },
    });
    scratches.defer(() => database.close());
    const own = manifest.tables
      .map((table, position): TableDrill => ({
        table,
        position,
        database,
        sums: [],
        found: undefined,
        faults: [],
      }))
      .filter(({ table }) => table.database === name);
    await prepare(database, manifest, own, control.signal);
    drills.push(...own);
    halls.push({ database, drills: own });
  }
  drills.sort((one, other) => one.position - other.position);
  await load(artifact, drills, connections, meter, control.signal);
  await check(halls, manifest, connections, meter, control.signal);
  const tables = drills.map(verdictOf);
  refuse(tables);
  meter.enter("done");
  return { manifest, signedBy, tables };
}

/**
 * Drops what a drill may have left on the servers: to be called once its run has ended, in case its process has died.
 * @param databases names of the backed-up ones
 */
export async function dropDrill(
  serverUrl: DrillDeps["serverUrl"],
  drill: { readonly runId: string; readonly databases: Iterable<string> },
  signal: AbortSignal,
): Promise<void> {
  for (const name of drill.databases)
    await dropScratchDatabases({ name, url: serverUrl(name) }, drill.runId, signal);
}

/** What is known of one table while it is drilled. */
interface TableDrill {
  readonly table: ManifestTable;
  /** In the manifest. */
  readonly position: number;
  readonly database: Database;
  /** Of the rows as they came out of the artifact, part by part. */
  readonly sums: bigint[];
  /** What is in the scratch database. */
  found: { readonly rows: number; readonly sum: string } | undefined;
  readonly faults: string[];
}

/** A scratch database and the tables in it. */
interface Hall {
  readonly database: Database;
  readonly drills: readonly TableDrill[];
}

async function prepare(
  database: Database,
  manifest: Manifest,
  drills: readonly TableDrill[],
  signal: AbortSignal,
): Promise<void> {
  const isHere = (one: { readonly database: string }): boolean => one.database === database.name;
  await using session = await database.session(signal);
  await createScratchSchema(session, {
    tables: drills.map(({ table }) => table),
    types: (manifest.types ?? []).filter(isHere),
    extensions: (manifest.extensions ?? []).filter(isHere),
  });
}

/** Every part into its table, several side by side. A part that does not load is its table's fault, and the rest goes on. */
async function load(
  artifact: ArtifactReader,
  drills: readonly TableDrill[],
  connections: number,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  const { tables, parts } = artifact.manifest;
  meter.enter("restoring", totalsOf(tables));
  await sideBySide(parts, connections, signal, async (part, inner) => {
    const drill = drills.find(({ position }) => position === part.table);
    if (drill === undefined) throw new Error(`${part.name} is of a table in no database of the manifest`);
    const { table, database } = drill;
    const sum = new RowSum();
    const chunks = async function* () {
      for await (const chunk of artifact.readPart(part, inner)) {
        sum.add(chunk);
        yield chunk;
        const rows =
          chunk.length === part.rawBytes ? part.rows : Math.round((part.rows * chunk.length) / part.rawBytes);
        meter.add({ rows, bytes: chunk.length, entity: table.entity, table: tableLabel(table) });
      }
    };
    await using session = await database.session(inner);
    await faultsOf(drill, "its rows do not load", inner, async () => {
      await copyIn(session, table, storedColumns(table), chunks());
      drill.sums.push(sum.value());
    });
  });
}

/** Counts and hashes what is there, and makes keys; then, with all rows in place, looks for what refers to nothing. */
async function check(
  halls: readonly Hall[],
  manifest: Manifest,
  connections: number,
  meter: ProgressMeter,
  signal: AbortSignal,
): Promise<void> {
  meter.enter("checking", totalsOf(manifest.tables));
  const drills = halls.flatMap((hall) => hall.drills);
  await sideBySide(drills, connections, signal, async (drill, inner) => {
    const { table, database } = drill;
    await using session = await database.session(inner);
    drill.found = await readBack(session, table, (rows, bytes) =>
      meter.add({ rows, bytes, entity: table.entity, table: tableLabel(table) }),
    );
    await faultsOf(drill, "its key is not unique", inner, () => createKey(session, table));
  });
  await sideBySide(halls, connections, signal, async ({ database, drills }, inner) => {
    const tables = drills.map(({ table }) => table);
    await using session = await database.session(inner);
    for (const drill of drills) {
      for (const key of drill.table.foreignKeys) {
        const orphans = (await countOrphans(session, drill.table, key, tables)) ?? 0;
        if (orphans > 0)
          drill.faults.push(`${orphans} of its rows refer by ${foreignKeyLabel(key)} to nothing`);
      }
    }
  });
}

async function readBack(
  session: Session,
  table: ManifestTable,
  onRows: (rows: number, bytes: number) => void,
): Promise<{ rows: number; sum: string }> {
  const sum = new RowSum();
  let rows = 0;
  for await (const batch of copyTable(session, table, storedColumns(table))) {
    sum.add(batch.bytes);
    rows += batch.rows;
    onRows(batch.rows, batch.bytes.length);
  }
  return { rows, sum: formatRowSum(sum.value()) };
}

function verdictOf({ table, sums, found, faults }: TableDrill): VerifiedTable {
  const recorded = table.rowsHash?.algorithm === ROW_SUM_ALGORITHM ? table.rowsHash.value : undefined;
  const foundRows = found?.rows ?? 0;
  const all = [...faults];
  if (foundRows !== table.rows) all.push(`${foundRows} of its ${table.rows} rows are there`);
  // Backups of versions that recorded no hash are held against the rows that they hold.
  else if (found !== undefined && found.sum !== (recorded ?? formatRowSum(...sums)))
    all.push("its rows are not those that were backed up");
  return {
    entity: table.entity,
    table: tableLabel(table),
    rows: table.rows,
    foundRows,
    fault: all.length === 0 ? null : all.join("; "),
  };
}

/** @throws HoldfastError DRILL_FAILED */
function refuse(tables: readonly VerifiedTable[]): void {
  const failed = tables.filter(({ fault }) => fault !== null);
  if (failed.length === 0) return;
  const clauses = failed.map(({ table, fault }) => `${table}: ${fault}`);
  throw new HoldfastError(
    "DRILL_FAILED",
    `${failed.length} of ${tables.length} tables are not what was backed up. ${clauses.join(". ")}.`,
    { details: { tables } },
  );
}

/** Notes what the database refuses as a fault of the table. What stops the drill as a whole is thrown. */
async function faultsOf(
  drill: TableDrill,
  what: string,
  signal: AbortSignal,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    signal.throwIfAborted();
    const refusal = isHoldfastError(error) ? error.cause : error;
    const refused = refusal instanceof Error && refusal.name === "PostgresError";
    if (!refused || isHoldfastError(error, "DATABASE_UNREACHABLE")) throw error;
    // PostgreSQL's message may hold a value after a colon; values are for nobody who reads of a failure.
    drill.faults.push(`${what} (${refusal.message.replaceAll(/: ".*$/gs, "")})`);
  }
}

/** Takes each item once, several at a time; the first that fails ends all. */
async function sideBySide<T>(
  items: readonly T[],
  count: number,
  signal: AbortSignal,
  act: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const inner = AbortSignal.any([signal, stop.signal]);
  // An iterator that is shared hands every item out once.
  const next = items.values();
  const work = async (): Promise<void> => {
    for (const item of next) await act(item, inner);
  };
  await allOrNone(stop, Array.from({ length: Math.min(count, items.length) }, work));
}
