// Batches, without a socket: what comes out, and when the socket would be held.
import { describe, expect, it, vi } from "vitest";
import { CopyTap, type CopyBatch } from "../../src/postgres/copy-tap.ts";

const MIB = 1024 * 1024;

/** Adds rows as the splitter would leave them at the front of a chunk. */
function addRows(tap: CopyTap, ...rows: readonly Buffer[]): void {
  const bytes = Buffer.concat(rows);
  tap.add(bytes, bytes.length, rows.length, bytes.length);
}

const row = (lengthBytes: number): Buffer => Buffer.alloc(lengthBytes, "x").fill("\n", lengthBytes - 1);

async function readAll(tap: CopyTap): Promise<CopyBatch[]> {
  const batches: CopyBatch[] = [];
  for (let batch = await tap.next(); batch !== undefined; batch = await tap.next()) batches.push(batch);
  return batches;
}

describe("CopyTap", () => {
  it("ends batches where rows end", async () => {
    const tap = new CopyTap(() => undefined);
    const reader = readAll(tap);
    for (let sent = 0; sent < 1_000; sent += 1) addRows(tap, row(5_000), row(999));
    tap.endCopy(2_000);
    tap.finish();
    const batches = await reader;
    expect(batches.length).toBeGreaterThan(4);
    expect(batches.every((batch) => batch.endsRow && batch.bytes.at(-1) === 10)).toBe(true);
    expect(batches.reduce((sum, batch) => sum + batch.rows, 0)).toBe(2_000);
    expect(batches.reduce((sum, batch) => sum + batch.bytes.length, 0)).toBe(5_999_000);
  });

  it("hands a row that is larger than a batch over in pieces", async () => {
    const tap = new CopyTap(() => undefined);
    const reader = readAll(tap);
    addRows(tap, row(10));
    const piece = Buffer.alloc(MIB, "y");
    for (let sent = 0; sent < 5; sent += 1) tap.add(piece, piece.length, 0, 0);
    addRows(tap, Buffer.from("\n"), row(7));
    tap.endCopy(3);
    tap.finish();
    const batches = await reader;
    expect(batches[0]).toMatchObject({ rows: 1, endsRow: true });
    expect(batches.slice(1, -1).every((batch) => batch.rows === 0 && !batch.endsRow)).toBe(true);
    expect(batches.at(-1)).toMatchObject({ rows: 2, endsRow: true });
    expect(Buffer.concat(batches.map((batch) => batch.bytes)).length).toBe(10 + 5 * MIB + 1 + 7);
  });

  it("takes bytes that were read straight to its room without copying them", async () => {
    const tap = new CopyTap(() => undefined);
    const room = tap.room();
    row(50_000).copy(room);
    tap.add(room, 50_000, 1, 50_000);
    tap.endCopy(1);
    tap.finish();
    const [batch] = await readAll(tap);
    expect(batch?.bytes.buffer).toBe(room.buffer);
    expect(batch?.bytes).toEqual(row(50_000));
  });

  it("is full when the reader is slow, and asks for more when he has caught up", async () => {
    const resume = vi.fn<() => void>();
    const tap = new CopyTap(resume);
    while (!tap.full) addRows(tap, row(100_000));
    expect(resume).not.toHaveBeenCalled();
    await tap.next();
    expect(tap.full).toBe(false);
    expect(resume).toHaveBeenCalledOnce();
  });

  it("lets everything through when the rows are of no more use", () => {
    const resume = vi.fn<() => void>();
    const tap = new CopyTap(resume);
    while (!tap.full) addRows(tap, row(100_000));
    tap.discard();
    expect(tap.full).toBe(false);
    expect(resume).toHaveBeenCalled();
  });

  it("fails at once, whatever still waits", async () => {
    const tap = new CopyTap(() => undefined);
    while (!tap.full) addRows(tap, row(100_000));
    tap.fail(new Error("the server is gone"));
    await expect(tap.next()).rejects.toThrow("the server is gone");
  });

  it("says where each of several COPYs ends, large, small or without rows", async () => {
    const tap = new CopyTap(() => undefined);
    const reader = readAll(tap);
    tap.endCopy(0);
    addRows(tap, row(10), row(20));
    tap.endCopy(2);
    for (let sent = 0; sent < 3; sent += 1) addRows(tap, row(50_000));
    tap.endCopy(3);
    addRows(tap, row(30));
    tap.endCopy(1);
    tap.finish();
    const batches = await reader;
    const copies: CopyBatch[][] = [[]];
    for (const batch of batches) {
      copies.at(-1)?.push(batch);
      if (batch.endsCopy) copies.push([]);
    }
    expect(copies.map((copy) => copy.reduce((sum, { rows }) => sum + rows, 0))).toEqual([0, 2, 3, 1, 0]);
    expect(copies.map((copy) => copy.reduce((sum, { bytes }) => sum + bytes.length, 0))).toEqual([
      0, 30, 150_000, 30, 0,
    ]);
  });

  it("keeps what a small COPY has left behind apart from the next one's rows", async () => {
    const tap = new CopyTap(() => undefined);
    const room = tap.room();
    Buffer.from("first\nsecond\n").copy(room);
    tap.add(room, 6, 1, 6);
    tap.endCopy(1);
    tap.add(room.subarray(6), 7, 1, 7);
    tap.endCopy(1);
    tap.finish();
    expect((await readAll(tap)).map(({ bytes }) => bytes.toString())).toEqual(["first\n", "second\n"]);
  });

  it("fails where the server counts other rows than those that have come", async () => {
    const tap = new CopyTap(() => undefined);
    addRows(tap, row(10));
    tap.endCopy(2);
    await expect(tap.next()).rejects.toThrow("the server sent 2 rows, and 1 were read");
  });

  it("has no batch where nothing was sent", async () => {
    const tap = new CopyTap(() => undefined);
    tap.finish();
    expect(await readAll(tap)).toEqual([]);
  });
});
