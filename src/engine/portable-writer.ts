// Writes the portable form from an artifact: the same entities, tables and rows as one JSON document.
import { parseRows, rowTooLarge, type Field } from "../codec/copy-text.ts";
import type { ManifestTable } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { portableHead, portableTableHead } from "../core/portable.ts";
import type { ArtifactReader } from "./artifact-reader.ts";
import { valuePrinter } from "./portable-values.ts";

/** What was written of a table since the last call. */
export type OnRows = (table: ManifestTable, rows: number, rawBytes: number) => void;

/**
 * The document, piece by piece, in bounded memory.
 * @throws HoldfastError what `readPart` throws; BAD_INPUT for rows that are not UTF-8, or too large for a string; the signal's reason
 */
export async function* writePortable(
  artifact: ArtifactReader,
  signal: AbortSignal,
  onRows: OnRows = () => undefined,
): AsyncGenerator<string> {
  const { manifest } = artifact;
  yield `${JSON.stringify(portableHead(manifest)).slice(0, -1)},\n"tables":[`;
  for (const [position, table] of manifest.tables.entries()) {
    yield `${position === 0 ? "" : ","}\n${JSON.stringify(portableTableHead(table)).slice(0, -1)},"rows":[`;
    let separator = "\n";
    for await (const rows of tableRows(artifact, position, signal, onRows)) {
      yield separator + rows.join(",\n");
      separator = ",\n";
    }
    yield `${table.rows === 0 ? "" : "\n"}],"rowCount":${table.rows}}`;
  }
  yield "\n]}\n";
}

/**
 * A table's rows as JSON objects, many at a time and never none.
 * @param position the table's place in the manifest
 */
export async function* tableRows(
  artifact: ArtifactReader,
  position: number,
  signal: AbortSignal,
  onRows: OnRows = () => undefined,
): AsyncGenerator<string[]> {
  const table = artifact.manifest.tables[position];
  if (table === undefined) throw new Error(`the artifact has no table ${position}`);
  const columns = table.columns.filter((column) => column.generated === null);
  const print = rowPrinter(columns);
  for (const part of artifact.manifest.parts.filter((part) => part.table === position)) {
    let rawBytes = 0;
    const chunks = counted(artifact.readPart(part, signal), (sizeBytes) => (rawBytes += sizeBytes));
    for await (const rows of parseRows(chunks, columns.length, tableLabel(table))) {
      yield printRows(rows, print, tableLabel(table));
      onRows(table, rows.length, rawBytes);
      rawBytes = 0;
    }
  }
}

function printRows(
  rows: readonly (readonly Field[])[],
  print: (row: readonly Field[]) => string,
  label: string,
): string[] {
  try {
    return rows.map(print);
  } catch (error) {
    // As JSON it is longer than as COPY text: here longer than a string can be.
    throw error instanceof RangeError ? rowTooLarge(label, error) : error;
  }
}

function rowPrinter(columns: readonly { name: string; type: string }[]): (row: readonly Field[]) => string {
  const members = columns.map(({ name, type }) => ({
    key: `${JSON.stringify(name)}:`,
    print: valuePrinter(type),
  }));
  return (row) => `{${members.map(({ key, print }, at) => key + print(row[at] ?? null)).join(",")}}`;
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (sizeBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onBytes(chunk.length);
    yield chunk;
  }
}
