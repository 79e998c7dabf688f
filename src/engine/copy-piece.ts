// Copies the rows of one range into parts: what the process does that coordinates a backup, and what its peers do for it.
import type { PartBuffers } from "../codec/part-buffers.ts";
import { encodeParts, type EncodedPart, type RowBatch } from "../codec/part.ts";
import type { ObjectSeal } from "../codec/digest.ts";
import { RowSum } from "../codec/row-sum.ts";
import { tableLabel } from "../core/catalog.ts";
import { giveWay } from "../core/right-of-way.ts";
import { copyOutAndRelease, type CopyRange } from "../postgres/copy-out.ts";
import type { Session } from "../postgres/session.ts";
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
 * @param session in a transaction that sees what is to be copied, with its table locked
 * @param onRead called when the session is free for another range: what was read is being stored, or has failed
 */
export async function copyRange(
  session: Session,
  range: CopyRange,
  { store, ...options }: PieceOptions,
  onRead?: () => void,
): Promise<CopiedRange> {
  const parts: StoredPart[] = [];
  const sum = new RowSum();
  const table = tableLabel(range.leaf);
  const batches = summedUp(copyOutAndRelease(session, range), sum, onRead);
  await inSpan(`copy ${table}`, { attributes: { "holdfast.table": table } }, () =>
    encodeParts(batches, options, async (part) => {
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

/** The batches as they are, each summed up on its way. */
async function* summedUp(
  batches: AsyncIterable<RowBatch>,
  sum: RowSum,
  onRead?: () => void,
): AsyncGenerator<RowBatch> {
  try {
    for await (const batch of batches) {
      sum.add(batch.bytes);
      yield batch;
      await giveWay();
    }
  } finally {
    onRead?.();
  }
}
