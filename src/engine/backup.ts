// The act of backing up: one snapshot per database, tables copied side by side, each part sealed and stored as soon as
// it is full, then the manifest, and the index last.
import { availableParallelism } from "node:os";
import { encodeParts, type RowBatch } from "../codec/part.ts";
import { formatRowSum, ROW_SUM_ALGORITHM, RowSum } from "../codec/row-sum.ts";
import type { Signer } from "../codec/signature.ts";
import { ARTIFACT_VERSION, type Manifest, type ManifestPart, type ManifestTable } from "../core/artifact.ts";
import { tableLabel, type Entity } from "../core/catalog.ts";
import { allOrNone } from "../core/all-or-none.ts";
import { isHoldfastError } from "../core/errors.ts";
import { createProgressMeter, sumUp, type PhaseTotals } from "../core/progress.ts";
import type { RunControl } from "../core/run.ts";
import type { TableTotals } from "../core/table-progress.ts";
import { openDatabase, type Database } from "../postgres/connect.ts";
import { copyOutAndRelease, planCopies, type CopyTask } from "../postgres/copy-out.ts";
import type { Session } from "../postgres/session.ts";
import { openSnapshot, type Snapshot } from "../postgres/snapshot.ts";
import { manifestTable, type TableShape } from "../postgres/table-shape.ts";
import type { ArtifactSink } from "./artifact-io.ts";
import { createArtifactWriter, type ArtifactEncryption } from "./artifact-writer.ts";

export interface BackupDeps {
  /** The URL of a database of the catalog, by name. */
  readonly databaseUrl: (name: string) => string;
  /** Where the artifact goes; whoever made it closes it. */
  readonly sink: ArtifactSink;
  /** Connections that copy at the same time, for each database; left out: by the machine's cores. */
  readonly connections?: number;
}

export interface BackupOrder {
  /** A UUID; the artifact's id for ever. */
  readonly artifactId: string;
  readonly createdAt: Date;
  readonly entities: readonly Entity[];
  readonly encryption: ArtifactEncryption;
  /** Left out: the artifact is not signed. */
  readonly signer?: Signer | undefined;
}

export interface BackupResult {
  readonly manifest: Manifest;
  /** Of the manifest as stored: it commits to every row. */
  readonly manifestSha256: string;
  /** All objects as stored. */
  readonly sizeBytes: number;
  /** COPY text before compression. */
  readonly rawBytes: number;
  readonly rows: number;
}

/** Copying is where the time goes; the rest shares what is left of the hundred. */
const SHARES = { planning: [0, 1], copying: [1, 98], sealing: [98, 99] } as const;

/**
 * Writes an artifact of the entities, as they were at one moment for each database. Memory does not grow with the
 * tables. When it rejects, what was written of the artifact has been deleted, and no transaction or lock is left.
 * @throws HoldfastError of the database or the store, BAD_RECIPIENT; the signal's reason when it is aborted
 */
export async function backup(
  deps: BackupDeps,
  order: BackupOrder,
  control: RunControl,
): Promise<BackupResult> {
  const meter = createProgressMeter(SHARES, control.onProgress);
  meter.enter("planning");
  const connections = deps.connections ?? Math.max(2, Math.min(4, availableParallelism()));
  const stop = new AbortController();
  const signal = AbortSignal.any([control.signal, stop.signal]);
  const sources = [...Map.groupBy(order.entities, (entity) => entity.database)].map(([name, entities]) => ({
    entities,
    database: openDatabase({
      name,
      url: deps.databaseUrl(name),
      applicationName: "holdfast backup",
      maxConnections: connections,
    }),
  }));
  try {
    const snapshots = await Promise.all(sources.map((source) => openSource(source, signal)));
    const contents = describeContents(snapshots);
    meter.enter("copying", contents.estimate);
    const writer = await createArtifactWriter(deps.sink, {
      id: order.artifactId,
      createdAt: order.createdAt,
      encryption: order.encryption,
      signer: order.signer,
      signal,
    });
    try {
      const copyTask = async (session: Session, task: CopyTask): Promise<void> => {
        const position = contents.positions.get(task.table) ?? fail("a copy of no table of the manifest");
        const table = contents.tables[position] ?? fail("a copy of no table of the manifest");
        const label = tableLabel(table);
        const onRows = (rows: number, bytes: number) =>
          meter.add({ rows, bytes, entity: table.entity, table: label });
        const options = { recipient: writer.recipient, signal, onRows };
        const sum = new RowSum();
        await encodeParts(summedUp(copyOutAndRelease(session, task), sum), options, async (part) => {
          const { rows, rawBytes } = part;
          const stored = await writer.addPart(part);
          contents.parts.push({ ...stored, table: position, rows, rawBytes });
          table.rows += rows;
          table.rawBytes += rawBytes;
        });
        contents.sums.get(position)?.push(sum.value());
      };
      const endTable = (shape: TableShape): void => {
        const table = contents.tables[contents.positions.get(shape) ?? -1];
        if (table !== undefined) meter.endTable({ entity: table.entity, table: tableLabel(table) });
      };
      await allOrNone(
        stop,
        snapshots.flatMap(({ snapshot }) =>
          copySideBySide(snapshot, connections, signal, { copyTask, endTable }),
        ),
      );
      // The database is let go before the artifact is sealed: nobody's ALTER TABLE waits for a slow store.
      await Promise.all(snapshots.map(({ snapshot }) => snapshot.close()));

      meter.enter("sealing");
      signal.throwIfAborted();
      const manifest = writeManifest(order, snapshots, contents);
      const { sizeBytes, manifestSha256 } = await writer.finish(manifest);
      meter.enter("done");
      const { tables } = manifest;
      const sums = { rawBytes: total(tables, "rawBytes"), rows: total(tables, "rows") };
      return { manifest, manifestSha256, sizeBytes, ...sums };
    } catch (error) {
      await writer.abort();
      throw error;
    }
  } finally {
    stop.abort();
    await Promise.all(sources.map(({ database }) => database.close()));
  }
}

interface Source {
  readonly database: Database;
  readonly entities: readonly Entity[];
}

interface OpenSource extends Source {
  readonly snapshot: Snapshot;
}

async function openSource(source: Source, signal: AbortSignal): Promise<OpenSource> {
  const names = source.entities.flatMap((entity) => entity.tables);
  return { ...source, snapshot: await openSnapshot(source.database, names, signal) };
}

/** The manifest's tables and parts as they fill up. */
interface Contents {
  readonly tables: ManifestTable[];
  readonly parts: ManifestPart[];
  /** Of each table, by its place in `tables`: the sum of each of its copies. */
  readonly sums: ReadonlyMap<number, bigint[]>;
  /** Where a live table stands in `tables`. */
  readonly positions: ReadonlyMap<TableShape, number>;
  readonly estimate: PhaseTotals;
}

function describeContents(sources: readonly OpenSource[]): Contents {
  const tables: ManifestTable[] = [];
  const positions = new Map<TableShape, number>();
  const estimates: TableTotals[] = [];
  for (const { database, entities, snapshot } of sources) {
    // The snapshot has its tables in the order in which the entities name them.
    const owners = entities.flatMap((entity) => entity.tables.map(() => entity.name));
    for (const [index, shape] of snapshot.tables.entries()) {
      positions.set(shape, tables.length);
      const entity = owners[index] ?? fail("a table of no entity");
      tables.push({ ...manifestTable(shape), entity, database: database.name, rows: 0, rawBytes: 0 });
      const { estimatedRows: rows, sizeBytes: bytes } = shape;
      estimates.push({ entity, table: tableLabel(shape), rows, bytes });
    }
  }
  return {
    tables,
    parts: [],
    sums: new Map(tables.keys().map((position) => [position, []])),
    positions,
    estimate: sumUp(estimates),
  };
}

interface Copying {
  readonly copyTask: (session: Session, task: CopyTask) => Promise<void>;
  /** Called when all of a table's tasks have been carried out. */
  readonly endTable: (table: TableShape) => void;
}

/** Starts the sessions of one database; each takes the next task until none is left. */
function copySideBySide(
  snapshot: Snapshot,
  connections: number,
  signal: AbortSignal,
  { copyTask, endTable }: Copying,
): Promise<void>[] {
  const { serverVersion } = snapshot.leader;
  const tasks = planCopies(snapshot.tables, { connections, serverVersion });
  // An iterator that is shared hands every task out once.
  const next = tasks.values();
  const left = new Map(
    [...Map.groupBy(tasks, ({ table }) => table)].map(([table, own]) => [table, own.length]),
  );
  const work = async (session: Session): Promise<void> => {
    for (const task of next) {
      await copyTask(session, task);
      const others = (left.get(task.table) ?? 0) - 1;
      left.set(task.table, others);
      if (others === 0) endTable(task.table);
    }
  };
  const joinAndWork = async (): Promise<void> => {
    const session = await snapshot.join(signal).catch((error: unknown) => {
      // Somebody waits for the leader to end; it and those who have joined can do the work.
      if (isHoldfastError(error, "TABLE_LOCKED")) return undefined;
      throw error;
    });
    if (session !== undefined) await work(session);
  };
  const others = Math.max(0, Math.min(connections, tasks.length) - 1);
  return [...Array.from({ length: others }, joinAndWork), work(snapshot.leader)];
}

function writeManifest(order: BackupOrder, sources: readonly OpenSource[], contents: Contents): Manifest {
  return {
    format: "holdfast-manifest",
    version: ARTIFACT_VERSION,
    id: order.artifactId,
    createdAt: order.createdAt.toISOString(),
    databases: sources.map(({ database, snapshot }) => ({
      name: database.name,
      serverVersion: snapshot.serverVersion,
      encoding: snapshot.encoding,
      snapshotAt: snapshot.takenAt,
    })),
    entities: order.entities.map(({ name, group, label }) => ({ name, group, label })),
    tables: contents.tables.map((table, position) => ({
      ...table,
      rowsHash: { algorithm: ROW_SUM_ALGORITHM, value: formatRowSum(...(contents.sums.get(position) ?? [])) },
    })),
    types: sources.flatMap(({ snapshot }) => snapshot.needs.types),
    extensions: sources.flatMap(({ snapshot }) => snapshot.needs.extensions),
    parts: contents.parts.toSorted((a, b) => a.name.localeCompare(b.name, "en")),
  };
}

/** The batches as they are, each summed up on its way. */
async function* summedUp(batches: AsyncIterable<RowBatch>, sum: RowSum): AsyncGenerator<RowBatch> {
  for await (const batch of batches) {
    sum.add(batch.bytes);
    yield batch;
  }
}

function total<K extends string>(items: readonly Readonly<Record<K, number | null>>[], key: K): number {
  return items.reduce((sum, item) => sum + (item[key] ?? 0), 0);
}

function fail(message: string): never {
  throw new Error(message);
}
