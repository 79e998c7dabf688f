// Copies the rows of one range into parts: what the process does that coordinates a backup, and what its peers do for it.
import type { PartBuffers } from "../codec/part-buffers.ts";
import { encodeParts, type EncodedPart } from "../codec/part.ts";
import type { ObjectSeal } from "../codec/digest.ts";
import { RowSum } from "../codec/row-sum.ts";
import { tableLabel } from "../core/catalog.ts";
import { giveWay } from "../core/right-of-way.ts";
import type { CopyRange } from "../postgres/copy-out.ts";
import type { CopyBatch } from "../postgres/copy-tap.ts";
import { inSpan } from "../telemetry/spans.ts";

export interface PieceOptions {
  /** The artifact's own; null: it is not encrypted. */
  readonly recipient: string | null;
  readonly signal: AbortSignal;
  /** Of all ranges that are copied for one artifact. */
  readonly buffers: PartBuffers;
  readonly onRows: (rows: number, bytes: number) => void;
  /** Stores a part under a name of its own. */
  readonly store: (part: EncodedPart) => Promise<ObjectSeal>;
}

/** A part that is stored. */
export interface StoredPart extends ObjectSeal {
  readonly rows: number;
  readonly rawBytes: number;
}

export interface CopiedRange {
  readonly parts: readonly StoredPart[];
  /** Of all of their rows. */
  readonly sum: bigint;
}

/**
 * @param batches of `copyOutAndRelease`: the next of its ranges is read, and when that fails nothing more is
 * @param onRead called when all of the range is read, and is being stored
 */
export async function copyRange(
  batches: AsyncGenerator<CopyBatch, void, undefined>,
  range: CopyRange,
  { store, ...options }: PieceOptions,
  onRead?: () => void,
): Promise<CopiedRange> {
  const parts: StoredPart[] = [];
  const sum = new RowSum();
  const table = tableLabel(range.leaf);
  await inSpan(`copy ${table}`, { attributes: { "holdfast.table": table } }, () =>
    encodeParts(rowsOfOne(batches, sum, onRead), options, async (part) => {
      const { rows, rawBytes } = part;
      const attributes = {
        ...{ "holdfast.table": table, "holdfast.rows": rows, "holdfast.raw_bytes": rawBytes },
        "holdfast.size_bytes": part.bytes.length,
      };
      const stored = await inSpan("part", { attributes }, () => store(part));
      parts.push({ ...stored, rows, rawBytes });
    }),
  );
  return { parts, sum: sum.value() };
}

/** The batches of the COPY that comes next as they are, each summed up on its way. */
async function* rowsOfOne(
  batches: AsyncGenerator<CopyBatch, void, undefined>,
  sum: RowSum,
  onRead?: () => void,
): AsyncGenerator<CopyBatch> {
  let ended = false;
  try {
    while (!ended) {
      const { value: batch } = await batches.next();
      if (batch === undefined) throw new Error("the server has sent fewer tables than it was asked for");
      sum.add(batch.bytes);
      yield batch;
      ended = batch.endsCopy;
      await giveWay();
    }
    onRead?.();
  } finally {
    if (!ended) await batches.return();
  }
}
