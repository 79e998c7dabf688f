// Parts: cut at row ends, encoded while rows arrive, decoded to the byte, and stopped where they lie.
import { randomBytes } from "node:crypto";
import { zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { encryptToRecipients, generateIdentity, type AgeKeyPair } from "../../src/codec/age.ts";
import { sha256 } from "../../src/codec/digest.ts";
import { PartBuffers } from "../../src/codec/part-buffers.ts";
import {
  decodePart,
  encodeParts,
  PART_RAW_BYTES,
  type EncodedPart,
  type RowBatch,
} from "../../src/codec/part.ts";
import { countRows } from "../../src/codec/rows.ts";
import { collect, copyText, errorOf, flipped } from "./fixtures.ts";

let key: AgeKeyPair;
beforeAll(async () => {
  key = await generateIdentity();
});

function batchOf(bytes: Buffer): RowBatch {
  return { bytes, rows: countRows(bytes), endsRow: bytes.at(-1) === 0x0a };
}

/** The text in batches of some size that end where a row does, or within a row that is larger: as they come from COPY. */
async function* inBatches(text: Buffer, batchBytes: number): AsyncGenerator<RowBatch> {
  for (let at = 0; at < text.length;) {
    const lastRowEnd = text.subarray(at, at + batchBytes).lastIndexOf(0x0a) + 1;
    const bytes = text.subarray(at, at + (lastRowEnd || batchBytes));
    yield batchOf(bytes);
    at += bytes.length;
  }
}

async function encoded(
  batches: AsyncIterable<RowBatch>,
  options: { recipient?: string; partRawBytes?: number } = {},
): Promise<EncodedPart[]> {
  const parts: EncodedPart[] = [];
  await encodeParts(batches, { recipient: null, ...options }, async (part) => {
    parts.push(part);
  });
  return parts;
}

const decoded = (part: EncodedPart, identity: string | null = null) =>
  collect(decodePart(part.bytes, { name: "a part", rows: part.rows, rawBytes: part.rawBytes }, identity));

describe("encodeParts", () => {
  it("collects parts where released ones were, and leaves those that are kept as they are", async () => {
    const buffers = new PartBuffers();
    // Larger than the memory that a part begins with, just larger than a small part, and small: none of it compresses.
    const sizes = [9_000_000, 200_000, 300_000, 9_000_000, 1_000, 6_000_000, 300_000, 300_000];
    const rows = sizes.map((sizeBytes) => {
      const row = randomBytes(sizeBytes).map((byte) => (byte === 0x0a ? 0x0b : byte));
      return Buffer.concat([row, Buffer.from("\n")]);
    });
    const batches = async function* () {
      for (const bytes of rows) yield { bytes, rows: 1, endsRow: true };
    };
    const kept: EncodedPart[] = [];
    const places = new Set<ArrayBufferLike>();
    let parts = 0;
    await encodeParts(batches(), { recipient: null, partRawBytes: 1, buffers }, async (part) => {
      places.add(part.bytes.buffer);
      const text = await decoded(part);
      expect(text.equals(rows[parts] ?? Buffer.alloc(0))).toBe(true);
      parts += 1;
      if (parts % 3 === 0) kept.push(part);
      else part.release();
    });
    expect(parts).toBe(rows.length);
    expect(places.size).toBeLessThan(rows.length);
    for (const [place, part] of kept.entries())
      expect((await decoded(part)).equals(rows[3 * place + 2] ?? Buffer.alloc(0))).toBe(true);
  });

  it("loses no byte and no row and ends every part where a row ends, whatever the rows and batches", async () => {
    const row = fc.string({ maxLength: 30 }).map((text) => `${text.replaceAll("\n", "\\n")}\n`);
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { maxLength: 60 }),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 400 }),
        fc.boolean(),
        async (rows, batchBytes, partRawBytes, encrypt) => {
          const text = Buffer.from(rows.join(""));
          const options = { partRawBytes, ...(encrypt && { recipient: key.recipient }) };
          const parts = await encoded(inBatches(text, batchBytes), options);
          const texts = await Promise.all(parts.map((part) => decoded(part, encrypt ? key.identity : null)));
          expect(Buffer.concat(texts)).toEqual(text);
          for (const [at, part] of parts.entries()) {
            expect(texts[at]?.at(-1)).toBe(0x0a);
            expect(part.rows).toBe(countRows(texts[at] ?? Buffer.alloc(0)));
            expect(part.rawBytes).toBe(texts[at]?.length);
            expect(part.sha256).toBe(sha256(part.bytes));
            if (at < parts.length - 1) expect(part.rawBytes).toBeGreaterThanOrEqual(partRawBytes);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("makes no part of no rows", async () => {
    expect(await encoded(inBatches(Buffer.alloc(0), 1))).toEqual([]);
    const empty = async function* () {
      yield { bytes: Buffer.alloc(0), rows: 0, endsRow: true };
    };
    expect(await encoded(empty())).toEqual([]);
  });

  it("cuts after 32 MiB of rows, at the end of the batch's last row", async () => {
    const text = Buffer.alloc(PART_RAW_BYTES * 1.5, copyText(1000));
    text[text.length - 1] = 0x0a;
    const parts = await encoded(inBatches(text, 1024 * 1024));
    expect(parts).toHaveLength(2);
    expect(parts[0]?.rawBytes).toBeGreaterThanOrEqual(PART_RAW_BYTES);
    expect(parts[0]?.rawBytes).toBeLessThan(PART_RAW_BYTES + 1024 * 1024);
    expect((parts[0]?.rawBytes ?? 0) + (parts[1]?.rawBytes ?? 0)).toBe(text.length);
  });

  it("keeps a row of 100 MB whole, and its part no larger than what it compresses to", async () => {
    const piece = Buffer.alloc(1024 * 1024, "abc");
    const row = async function* () {
      for (let pieces = 0; pieces < 100; pieces++) yield { bytes: piece, rows: 0, endsRow: false };
      yield { bytes: Buffer.from("\nnext\n"), rows: 2, endsRow: true };
    };
    const parts = await encoded(row(), { recipient: key.recipient });
    expect(parts.map(({ rows, rawBytes }) => ({ rows, rawBytes }))).toEqual([
      { rows: 2, rawBytes: 100 * 1024 * 1024 + 6 },
    ]);
    expect(parts[0]?.bytes.length).toBeLessThan(1024 * 1024);
  });

  it("fills the next part while one is delivered, and no more than that", async () => {
    const events: string[] = [];
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    const batches = async function* () {
      for (let batch = 1; batch <= 4; batch++) {
        events.push(`batch ${batch}`);
        if (batch === 2) setTimeout(release, 50);
        yield batchOf(copyText(10));
      }
    };
    let number = 0;
    await encodeParts(batches(), { recipient: null, partRawBytes: 1 }, async () => {
      number += 1;
      events.push(`part ${number} begins`);
      if (number === 1) await held;
      events.push(`part ${number} ends`);
    });
    expect(events.indexOf("batch 2")).toBeLessThan(events.indexOf("part 1 ends"));
    expect(events.indexOf("part 1 ends")).toBeLessThan(events.indexOf("batch 3"));
    expect(events.filter((event) => event.startsWith("part"))).toEqual(
      [1, 2, 3, 4].flatMap((part) => [`part ${part} begins`, `part ${part} ends`]),
    );
  });

  it("reports rows and bytes as they are taken in", async () => {
    const text = copyText(5000);
    const seen = { rows: 0, rawBytes: 0 };
    const onRows = (rows: number, rawBytes: number) => {
      seen.rows += rows;
      seen.rawBytes += rawBytes;
    };
    const total = await encodeParts(inBatches(text, 10_000), { recipient: null, onRows }, async () => {});
    expect(seen).toEqual({ rows: 5000, rawBytes: text.length });
    expect(total).toEqual({ ...seen, parts: 1 });
  });

  it("passes on what the stream, the delivery or the signal throws, closes the stream, and leaves nothing running", async () => {
    let closed = 0;
    const text = copyText(10);
    const batches = async function* (fails: boolean) {
      try {
        for (let batch = 0; batch < 10; batch++) yield batchOf(text);
        if (fails) throw new Error("connection lost");
      } finally {
        closed += 1;
      }
    };
    const options = { recipient: null, partRawBytes: text.length };
    await expect(encodeParts(batches(true), options, async () => {})).rejects.toThrow("connection lost");

    let deliveries = 0;
    const failing = encodeParts(batches(false), options, async () => {
      deliveries += 1;
      throw new Error("store full");
    });
    await expect(failing).rejects.toThrow("store full");
    expect(deliveries).toBe(1);

    const controller = new AbortController();
    const running = { now: 0 };
    const aborted = encodeParts(batches(false), { ...options, signal: controller.signal }, async () => {
      running.now += 1;
      controller.abort(new Error("cancelled"));
      await new Promise((resolve) => setTimeout(resolve, 20));
      running.now -= 1;
    });
    await expect(aborted).rejects.toThrow("cancelled");
    expect(running.now).toBe(0);
    expect(closed).toBe(3);
  });

  it("refuses rows that end in the middle of a row", async () => {
    await expect(encoded(inBatches(Buffer.from("a\nb"), 100))).rejects.toThrow("middle of a row");
  });
});

describe("decodePart", () => {
  const text = copyText(50_000);
  const contents = { name: "a part", rows: 50_000, rawBytes: text.length };
  const frame = zstdCompressSync(text);
  const decode = (bytes: Uint8Array, said: Partial<typeof contents> = {}, identity: string | null = null) =>
    collect(decodePart(bytes, { ...contents, ...said }, identity));

  it("refuses more and less than the manifest says, in bytes and in rows", async () => {
    expect(await decode(frame)).toEqual(text);
    for (const said of [
      { rawBytes: text.length - 1 },
      { rawBytes: text.length + 1 },
      { rows: 49_999 },
      { rows: 50_001 },
    ])
      await expect(decode(frame, said)).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });

  it("stops a part that swells as soon as it passes what the manifest says", async () => {
    const bomb = zstdCompressSync(Buffer.alloc(1_000_000_000));
    let read = 0;
    const reading = async () => {
      for await (const bytes of decodePart(bomb, contents, null)) read += bytes.length;
    };
    await expect(reading()).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    expect(read).toBeLessThanOrEqual(contents.rawBytes);
  });

  it("tells a part of another artifact from a damaged one", async () => {
    const other = await generateIdentity();
    const sealed = await encryptToRecipients(frame, [key.recipient]);
    expect(await decode(sealed, {}, key.identity)).toEqual(text);
    await expect(decode(sealed, {}, other.identity)).rejects.toEqual(errorOf("ARTIFACT_TAMPERED"));
    await expect(decode(flipped(sealed, sealed.length * 8 - 1), {}, key.identity)).rejects.toEqual(
      errorOf("ARTIFACT_CORRUPT"),
    );
    await expect(decode(sealed)).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
    await expect(decode(frame, {}, key.identity)).rejects.toEqual(errorOf("ARTIFACT_CORRUPT"));
  });
});
