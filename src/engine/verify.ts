// Reads an artifact through and says whether it is what was written. No database is needed.
import { readVerified } from "../codec/digest.ts";
import { formatRowSum, ROW_SUM_ALGORITHM, RowSum } from "../codec/row-sum.ts";
import { ROW_END } from "../codec/rows.ts";
import type { ArtifactHeader, Manifest, ManifestTable } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { ArtifactSource } from "./artifact-io.ts";
import { openArtifact, readIndex, type Expectation, type Unlock } from "./artifact-reader.ts";

/** Called with the bytes that have been read since the last call. */
export type OnBytes = (readBytes: number, totalBytes: number) => void;

export interface Verified {
  readonly header: ArtifactHeader;
  /** How many there are, the index not counted. */
  readonly objects: number;
  /** Of the objects as stored. */
  readonly sizeBytes: number;
  /** The public key of whoever signed it, which need not be anybody who is trusted; null: nobody did. */
  readonly signedBy: string | null;
}

/**
 * STORED: every object is there, and every byte of it is the one that was written. Needs no key.
 * @throws HoldfastError ARTIFACT_INCOMPLETE, ARTIFACT_CORRUPT, ARTIFACT_TAMPERED, NOT_AN_ARTIFACT, STORE_FAILED; the signal's reason
 */
export async function verifyStored(
  source: ArtifactSource,
  signal: AbortSignal,
  onBytes: OnBytes = () => undefined,
  expected: Expectation = {},
): Promise<Verified> {
  const { header, index, signedBy } = await readIndex(source, signal, expected);
  const sizeBytes = index.objects.reduce((sum, object) => sum + object.sizeBytes, 0);
  for (const object of index.objects) {
    await readVerified(source.read(object.name, signal), object);
    onBytes(object.sizeBytes, sizeBytes);
  }
  return { header, objects: index.objects.length, sizeBytes, signedBy };
}

/**
 * CONTENTS: besides, everything decrypts and decompresses, no part was dropped, swapped or added, and the rows are as many
 * as the manifest says, each with as many fields as its table has columns, and hash to what the manifest says.
 * @throws as {@link verifyStored}, and WRONG_PASSPHRASE, PASSPHRASE_REQUIRED, WRONG_IDENTITY, IDENTITY_REQUIRED
 */
export async function verifyContents(
  source: ArtifactSource,
  unlock: Unlock,
  signal: AbortSignal,
  onBytes: OnBytes = () => undefined,
  expected: Expectation = {},
): Promise<Verified & { readonly manifest: Manifest }> {
  const artifact = await openArtifact(source, unlock, signal, expected);
  const { header, index, manifest, signedBy } = artifact;
  const totalBytes = manifest.parts.reduce((sum, part) => sum + part.sizeBytes, 0);
  const sums = manifest.tables.map((): bigint[] => []);
  for (const part of manifest.parts) {
    const table = manifest.tables[part.table];
    if (table === undefined) throw new Error(`${part.name} belongs to no table`);
    const columns = table.columns.filter((column) => column.generated === null).length;
    const check = fieldCounter(columns, () => `A row of ${tableLabel(table)} in ${part.name}`);
    const sum = new RowSum();
    for await (const chunk of artifact.readPart(part, signal)) {
      check(chunk);
      sum.add(chunk);
    }
    sums[part.table]?.push(sum.value());
    onBytes(part.sizeBytes, totalBytes);
  }
  for (const [position, table] of manifest.tables.entries()) checkRowsHash(table, sums[position] ?? []);
  const sizeBytes = index.objects.reduce((sum, object) => sum + object.sizeBytes, 0);
  return { header, manifest, objects: index.objects.length, sizeBytes, signedBy };
}

/** A hash of an algorithm that this version does not know is passed over. */
function checkRowsHash(table: ManifestTable, sums: readonly bigint[]): void {
  if (table.rowsHash?.algorithm !== ROW_SUM_ALGORITHM || table.rowsHash.value === formatRowSum(...sums))
    return;
  throw new HoldfastError(
    "ARTIFACT_CORRUPT",
    `The rows of ${tableLabel(table)} do not hash to what the backup recorded.`,
  );
}

const FIELD_END = 0x09;

/** Takes COPY text cut anywhere; tabs within values are escaped, so each one ends a field. */
function fieldCounter(columns: number, row: () => string): (chunk: Uint8Array) => void {
  const expected = Math.max(0, columns - 1);
  let tabs = 0;
  return (chunk) => {
    for (const byte of chunk) {
      if (byte === FIELD_END) tabs += 1;
      else if (byte === ROW_END) {
        if (tabs !== expected) {
          throw new HoldfastError(
            "ARTIFACT_CORRUPT",
            `${row()} has ${tabs + 1} fields instead of ${columns}.`,
          );
        }
        tabs = 0;
      }
    }
  };
}
