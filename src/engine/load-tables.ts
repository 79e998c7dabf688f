// Loads the chosen tables' rows into staging, over several connections; and where there are peers, with their help.
import { allOrNone } from "../core/all-or-none.ts";
import type { ManifestPart } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { evenPieceBytes } from "../core/piece-size.ts";
import type { ProgressMeter } from "../core/progress.ts";
import type { Staging } from "../postgres/staging.ts";
import type { ArtifactReader } from "./artifact-reader.ts";
import { loadPart } from "./load-part.ts";
import {
  lentLoads,
  planLoads,
  type Load,
  type LoadSharing,
  type LoadTarget,
  type Wanted,
} from "./load-pieces.ts";
import type { PieceProgress } from "./peers.ts";
import { wavesOf, type WaveTable } from "./staging-order.ts";
import { totalsOf } from "./table-totals.ts";
import { WorkList } from "./work-list.ts";

export interface Loading {
  readonly artifact: ArtifactReader;
  /** Left out: there are no others. */
  readonly sharing?: LoadSharing | undefined;
  readonly stop: AbortController;
  readonly meter: ProgressMeter;
}

/**
 * Loads every part of the chosen tables, several at a time, and holds each to what the manifest says of it. Tables whose rows
 * are taken for what they refer to come after those.
 */
export async function loadTables(targets: readonly LoadTarget[], loading: Loading): Promise<void> {
  loading.meter.enter(
    "staging",
    totalsOf(targets.flatMap(({ part }) => part.tables.map(({ table }) => table))),
  );
  const waves = targets.map((target) => ({ target, own: wavesOf(target.part) }));
  const count = Math.max(0, ...waves.map(({ own }) => own.length));
  for (let wave = 0; wave < count; wave += 1) {
    const wanted = await Promise.all(
      waves.map(({ target, own }) =>
        Promise.all((own[wave] ?? []).map((table) => filtered(target.staging, table))),
      ),
    );
    await allOrNone(
      loading.stop,
      waves.flatMap(({ target }, place) => startLoading(target, new Map(wanted[place]), loading)),
    );
  }
}

async function filtered(
  staging: Staging,
  { chosen: { position, table }, named, loaded }: WaveTable,
): Promise<[number, Wanted]> {
  const filter =
    named !== undefined
      ? await staging.filterNamed(table, named)
      : loaded === undefined
        ? undefined
        : await staging.filterBelonging(table, loaded);
  return [position, { table, filter }];
}

/** @param wanted by the table's place in the manifest */
function startLoading(
  target: LoadTarget,
  wanted: ReadonlyMap<number, Wanted>,
  { artifact, sharing, stop: { signal }, meter }: Loading,
): Promise<void>[] {
  const { staging, pieces } = target;
  const connections = staging.loadConcurrency;
  const parts = artifact.manifest.parts.filter(({ table }) => wanted.has(table));
  const totalBytes = parts.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
  const shared = sharing !== undefined;
  const pieceBytes = sharing?.peers.pieceBytes ?? evenPieceBytes(totalBytes, { connections, shared });
  const count = ({ table }: Wanted, { rows, bytes }: PieceProgress): void =>
    meter.add({ rows, bytes, entity: table.entity, table: tableLabel(table) });
  const lent = lentLoads(target, artifact, sharing);
  const list = new WorkList<Load>(
    {
      items: planLoads(parts, wanted, pieceBytes),
      sizeBytes: ({ rawBytes }) => rawBytes,
      isForOthers: (load) => load.filter === undefined && !lent.has(load),
      describe: (load) => lent.lend(load),
      accept: async (load) => {
        if (!(await lent.settle(load))) throw new Error("its rows are not there");
      },
      onProgress: count,
    },
    {
      peers: sharing?.peers,
      pieceBytes,
      placesMax: async () => Math.max(0, (await pieces.countFreeConnections()) - connections),
      signal,
    },
  );

  // Part by part, whoever has taken the load that they are of: at the end all connections share what is left.
  const own: { readonly load: Load; readonly part: ManifestPart }[] = [];
  const next = async () => {
    while (own.length === 0) {
      const task = await list.take();
      if (task === undefined) break;
      const { item: load } = task;
      if (await lent.settle(load)) count(load, { rows: load.rows, bytes: load.rawBytes });
      else own.push(...load.parts.map((part) => ({ load, part })));
    }
    return own.shift();
  };
  const work = async (): Promise<void> => {
    try {
      for (let task = await next(); task !== undefined; task = await next()) {
        const { load, part } = task;
        await loadPart(artifact, part, {
          ...{ table: load.table, filter: load.filter, signal },
          load: (chunks) => staging.load(load.table, chunks),
          onRows: (rows, bytes) => count(load, { rows, bytes }),
        });
      }
    } finally {
      list.close();
    }
  };
  return Array.from({ length: connections }, work);
}
