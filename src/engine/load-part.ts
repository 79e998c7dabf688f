// Loads a part's rows: what the process does that coordinates a restore, and what its peers do for it.
import { filterRows } from "../codec/filter-rows.ts";
import { noteSpent } from "../codec/spent-buffers.ts";
import type { ManifestPart } from "../core/artifact.ts";
import { tableLabel, type TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { RowFilter } from "../core/row-filter.ts";
import type { ArtifactReader } from "./artifact-reader.ts";

export interface PartLoading {
  /** Takes the rows as COPY text, cut anywhere: all of them or none. Returns how many there were. */
  readonly load: (chunks: AsyncIterable<Uint8Array>) => Promise<number>;
  /** The live table, for messages. */
  readonly table: TableName;
  /** Which of the rows are loaded; left out: all. */
  readonly filter?: RowFilter | undefined;
  /** Called as rows are read; they count whether or not they are loaded. */
  readonly onRows: (rows: number, bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * @returns how many rows were loaded
 * @throws HoldfastError of the artifact, ARTIFACT_CORRUPT too where it is not as many rows as the manifest says; what `load` throws
 */
export async function loadPart(
  artifact: ArtifactReader,
  part: ManifestPart,
  { load, table, filter, onRows, signal }: PartLoading,
): Promise<number> {
  const chunks = counted(artifact.readPart(part, signal), (bytes) => {
    onRows(bytes === part.rawBytes ? part.rows : Math.round((part.rows * bytes) / part.rawBytes), bytes);
  });
  const rows = await load(filter === undefined ? chunks : filterRows(chunks, filter));
  if (filter === undefined && rows !== part.rows) {
    throw new HoldfastError(
      "ARTIFACT_CORRUPT",
      `${part.name} loads ${rows} rows into ${tableLabel(table)} where the manifest says ${part.rows}.`,
    );
  }
  return rows;
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    yield chunk;
    // The driver has made a message of it.
    noteSpent(chunk.length);
    onBytes(chunk.length);
  }
}
