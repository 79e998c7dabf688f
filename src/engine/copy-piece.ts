// Copies the rows of one range into parts: what the process does that coordinates a backup, and what its peers do for it.
import { encodeParts, type EncodedPart, type RowBatch } from "../codec/part.ts";
import type { ObjectSeal } from "../codec/digest.ts";
import { RowSum } from "../codec/row-sum.ts";
import { copyOutAndRelease, type CopyRange } from "../postgres/copy-out.ts";
import type { Session } from "../postgres/session.ts";

export interface PieceOptions {
  /** The artifact's own; null: it is not encrypted. */
  readonly recipient: string | null;
  readonly signal: AbortSignal;
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

/** @param session in a transaction that sees what is to be copied, with its table locked */
export async function copyRange(
  session: Session,
  range: CopyRange,
  { store, ...options }: PieceOptions,
): Promise<CopiedRange> {
  const parts: StoredPart[] = [];
  const sum = new RowSum();
  await encodeParts(summedUp(copyOutAndRelease(session, range), sum), options, async (part) => {
    const { rows, rawBytes } = part;
    parts.push({ ...(await store(part)), rows, rawBytes });
  });
  return { parts, sum: sum.value() };
}

/** The batches as they are, each summed up on its way. */
async function* summedUp(batches: AsyncIterable<RowBatch>, sum: RowSum): AsyncGenerator<RowBatch> {
  for await (const batch of batches) {
    sum.add(batch.bytes);
    yield batch;
  }
}
