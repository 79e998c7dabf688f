// What a restore loads, taken apart: some parts of a table are loaded by the process itself, or, as a piece, by another one.
import type { ManifestPart, ManifestTable } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { RowFilter } from "../core/row-filter.ts";
import type { PieceName, StagingPieces } from "../postgres/staging-pieces.ts";
import type { Staging } from "../postgres/staging.ts";
import type { ArtifactReader } from "./artifact-reader.ts";
import type { LoadPiece, Peers } from "./peers.ts";
import type { DatabaseChoice } from "./restore-choice.ts";

/** Other processes that may load parts, and the stores that they are to read them from. */
export interface LoadSharing {
  readonly peers: Peers;
  readonly stores: readonly string[];
}

/** One of the databases that are restored into. */
export interface LoadTarget {
  readonly part: DatabaseChoice;
  readonly staging: Staging;
  /** Of that staging. */
  readonly pieces: StagingPieces;
}

/** A table, and which of its rows are loaded; without a filter, all. */
export interface Wanted {
  readonly table: ManifestTable;
  readonly filter: RowFilter | undefined;
}

/** Some parts of a table. */
export interface Load extends Wanted {
  readonly parts: readonly ManifestPart[];
  readonly rows: number;
  readonly rawBytes: number;
}

/** @param wanted by the table's place in the manifest */
export function planLoads(
  parts: readonly ManifestPart[],
  wanted: ReadonlyMap<number, Wanted>,
  pieceBytes: number,
): Load[] {
  const loads: (Load & { readonly parts: ManifestPart[]; rows: number; rawBytes: number })[] = [];
  const filling = new Map<number, (typeof loads)[number]>();
  for (const part of parts) {
    const what = wanted.get(part.table);
    if (what === undefined) continue;
    let load = filling.get(part.table);
    if (load === undefined || load.rawBytes >= pieceBytes) {
      load = { ...what, parts: [], rows: 0, rawBytes: 0 };
      filling.set(part.table, load);
      loads.push(load);
    }
    load.parts.push(part);
    load.rows += part.rows;
    load.rawBytes += part.rawBytes;
  }
  return loads;
}

/** The loads that were given to others. */
export interface LentLoads {
  has(load: Load): boolean;
  /** The load as a piece. It is lent once: what comes back is for the process itself. */
  lend(load: Load): Promise<LoadPiece>;
  /**
   * Whether somebody has loaded it; if nobody has, nobody will. What was loaded is counted in, so ask no more after `true`.
   * @throws HoldfastError INTERNAL where it is not what the manifest says
   */
  settle(load: Load): Promise<boolean>;
}

export function lentLoads(
  { part: { name: database }, staging, pieces }: LoadTarget,
  { header, manifestSha256, artifactIdentity }: ArtifactReader,
  sharing: LoadSharing | undefined,
): LentLoads {
  const names = new Map<Load, PieceName>();
  let entrusted = artifactIdentity === null;
  return {
    has: (load) => names.has(load),
    async lend(load) {
      if (!entrusted && artifactIdentity !== null) await sharing?.peers.entrust(artifactIdentity);
      entrusted = true;
      const piece = await pieces.issue();
      names.set(load, piece);
      const { schema, name } = load.table;
      const { table, columns } = staging.placeOf(load.table);
      return {
        kind: "LOAD",
        ...{ artifactId: header.id, encryption: header.encryption, manifestSha256 },
        ...{ stores: [...(sharing?.stores ?? [])], database, ...piece, table: { schema, name } },
        place: { table, columns: [...columns] },
        parts: load.parts.map((part) => part.name),
      };
    },
    async settle(load) {
      const piece = names.get(load);
      const rows = piece && (await pieces.settle(piece));
      if (rows === undefined) return false;
      if (rows !== load.rows) {
        const where = `${tableLabel(load.table)} where the manifest says ${load.rows}`;
        throw new HoldfastError("INTERNAL", `Another worker has loaded ${rows} rows into ${where}.`);
      }
      staging.adopt(load.table, rows);
      return true;
    },
  };
}
