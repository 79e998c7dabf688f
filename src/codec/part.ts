// Parts: rows of one table as COPY text, zstd, age. A part is cut at a row's end, compressed and encrypted as the rows
// arrive, and held only as stored bytes, so that sending it again needs neither the database nor the raw rows.
import { HoldfastError } from "../core/errors.ts";
import { openAge } from "./age.ts";
import { decompress } from "./compress.ts";
import { PartEncoder, type EncodedPart, type EncoderOptions, type RowBatch } from "./part-encoder.ts";
import { countRows } from "./rows.ts";

export type { EncodedPart, RowBatch } from "./part-encoder.ts";

/** Raw bytes after which a part is cut at the next row's end. */
export const PART_RAW_BYTES = 32 * 1024 * 1024;

export interface PartOptions extends EncoderOptions {
  /** Left out: `PART_RAW_BYTES`. */
  readonly partRawBytes?: number;
  /** Looked at between batches; its reason is thrown. */
  readonly signal?: AbortSignal;
}

/** What one stream of rows came to. */
export interface EncodedRows {
  readonly rows: number;
  readonly rawBytes: number;
  readonly parts: number;
}

/**
 * Cuts one stream of rows into parts and hands each to `deliver`, in order, one at a time. While one part is finished
 * and delivered the next is already being filled: so two parts are held at most, and a `deliver` that is slow holds up
 * the stream. Any number of streams may run at once, one for each connection. No rows, no parts.
 *
 * When it rejects (with what the stream or `deliver` threw, or the signal's reason) nothing of it is running any more
 * and the stream has been closed.
 */
export async function encodeParts(
  batches: AsyncIterable<RowBatch>,
  options: PartOptions,
  deliver: (part: EncodedPart) => Promise<void>,
): Promise<EncodedRows> {
  const partRawBytes = options.partRawBytes ?? PART_RAW_BYTES;
  const total = { rows: 0, rawBytes: 0, parts: 0 };
  let filling: PartEncoder | undefined;
  let delivering: Promise<void> = Promise.resolve();

  const finishAndDeliver = async (encoder: PartEncoder) => {
    const part = await encoder.finish();
    total.rows += part.rows;
    total.rawBytes += part.rawBytes;
    total.parts += 1;
    await deliver(part);
  };
  const sendOff = async (encoder: PartEncoder) => {
    await delivering;
    delivering = finishAndDeliver(encoder).finally(() => encoder.destroy());
    delivering.catch(() => {}); // seen at the next await of it, which may be 32 MiB later
  };

  try {
    let endsRow = true;
    for await (const batch of batches) {
      options.signal?.throwIfAborted();
      if (batch.bytes.length === 0) continue;
      filling ??= new PartEncoder(options);
      await filling.write(batch);
      ({ endsRow } = batch);
      if (!endsRow || filling.rawBytes < partRawBytes) continue;
      await sendOff(filling);
      filling = undefined;
    }
    options.signal?.throwIfAborted();
    if (!endsRow) throw new Error("The rows end in the middle of a row.");
    if (filling !== undefined) await sendOff(filling);
    filling = undefined;
    await delivering;
    return total;
  } finally {
    filling?.destroy();
    await Promise.allSettled([delivering]);
  }
}

/** What the manifest says of a part's contents. */
export interface PartContents {
  readonly name: string;
  readonly rows: number;
  readonly rawBytes: number;
}

/**
 * The COPY text of a part whose stored bytes have been checked against the manifest's hash (`readVerified`). Holds no
 * more than a MiB of it, and stops as soon as more comes out than the manifest says, so that a part made to swell
 * takes neither memory nor time.
 * @param identity the artifact's own; null: the part is not encrypted
 * @throws HoldfastError ARTIFACT_CORRUPT if it does not decrypt and decompress to exactly those rows,
 *   ARTIFACT_TAMPERED if it is encrypted to another artifact's identity
 */
export async function* decodePart(
  bytes: Uint8Array,
  contents: PartContents,
  identity: string | null,
): AsyncGenerator<Buffer> {
  const frame = identity === null ? [bytes] : await openAge(bytes, { identity }, contents.name);
  if (frame === undefined)
    throw new HoldfastError("ARTIFACT_TAMPERED", `${contents.name} is encrypted to another artifact's key.`);
  let rows = 0;
  let rawBytes = 0;
  for await (const chunk of decompress(frame, contents.name, contents.rawBytes)) {
    rows += countRows(chunk);
    rawBytes += chunk.length;
    if (rawBytes > contents.rawBytes || rows > contents.rows) throw differs(contents, "more");
    yield chunk;
  }
  if (rawBytes < contents.rawBytes || rows < contents.rows) throw differs(contents, "less");
}

function differs(contents: PartContents, how: "more" | "less"): HoldfastError {
  return new HoldfastError(
    "ARTIFACT_CORRUPT",
    `${contents.name} holds ${how} than the ${contents.rows} rows of ${contents.rawBytes} bytes that the manifest says.`,
  );
}
