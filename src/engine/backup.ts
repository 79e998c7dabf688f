// The act of backing up: one snapshot per database, tables copied side by side, each part sealed and stored as soon as
// it is full, then the manifest, and the index last.
import { availableParallelism } from "node:os";
import { formatRowSum, ROW_SUM_ALGORITHM } from "../codec/row-sum.ts";
import type { Signer } from "../codec/signature.ts";
import { ARTIFACT_VERSION, type Manifest } from "../core/artifact.ts";
import type { Entity } from "../core/catalog.ts";
import { allOrNone } from "../core/all-or-none.ts";
import { createProgressMeter } from "../core/progress.ts";
import type { RunControl } from "../core/run.ts";
import { openDatabase, type Database } from "../postgres/connect.ts";
import { openSnapshot } from "../postgres/snapshot.ts";
import type { ArtifactSink } from "./artifact-io.ts";
import type { StoresSink } from "./artifact-stores.ts";
import { createArtifactWriter, type ArtifactEncryption } from "./artifact-writer.ts";
import { describeContents, type Contents, type OpenSource } from "./backup-contents.ts";
import { copyTables } from "./copy-tables.ts";
import type { Peers } from "./peers.ts";

export interface BackupDeps {
  /** The URL of a database of the catalog, by name. */
  readonly databaseUrl: (name: string) => string;
  /** Where the artifact goes; whoever made it closes it. */
  readonly sink: ArtifactSink;
  /** Connections that copy at the same time, for each database; left out: by the machine's cores. */
  readonly connections?: number | undefined;
  /** Other processes that may copy pieces of large tables into the same stores; left out: there are none. */
  readonly sharing?: { readonly peers: Peers; readonly sink: StoresSink } | undefined;
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
      let cameBack = false;
      const copying = {
        onCameBack: () => void (cameBack = true),
        contents,
        writer,
        meter,
        connections,
        sharing: deps.sharing,
        artifactId: order.artifactId,
      };
      await allOrNone(
        stop,
        snapshots.flatMap((source) =>
          copyTables(source, { ...copying, encryption: order.encryption.kind, signal }),
        ),
      );
      // The database is let go before the artifact is sealed: nobody's ALTER TABLE waits for a slow store.
      await Promise.all(snapshots.map(({ snapshot }) => snapshot.close()));

      meter.enter("sealing");
      signal.throwIfAborted();
      if (cameBack) await deps.sharing?.sink.sweep(new Set(contents.parts.map(({ name }) => name)));
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

async function openSource(source: Source, signal: AbortSignal): Promise<OpenSource> {
  const names = source.entities.flatMap((entity) => entity.tables);
  return { ...source, snapshot: await openSnapshot(source.database, names, signal) };
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

function total<K extends string>(items: readonly Readonly<Record<K, number | null>>[], key: K): number {
  return items.reduce((sum, item) => sum + (item[key] ?? 0), 0);
}
