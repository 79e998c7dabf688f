// Counting row ends: against the obvious loop, at every alignment.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { countRows } from "../../src/codec/rows.ts";

function countedOneByOne(bytes: Uint8Array): number {
  let rows = 0;
  for (const byte of bytes) if (byte === 0x0a) rows += 1;
  return rows;
}

describe("countRows", () => {
  it("counts 0x0a bytes and no other, wherever the bytes begin in memory", () => {
    // Bytes that differ from 0x0a in one bit, or that a carry between bytes would take for one.
    const byte = fc.oneof(
      fc.constantFrom(0x0a, 0x0b, 0x09, 0x8a, 0x0e, 0x1a, 0x00, 0xff),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 70 }), fc.integer({ min: 0, max: 7 }), (values, offset) => {
        const bytes = new Uint8Array(values.length + offset).subarray(offset);
        bytes.set(values);
        expect(countRows(bytes)).toBe(countedOneByOne(bytes));
      }),
      { numRuns: 2000 },
    );
  });

  it("finds none in nothing, and every one of a MiB of row ends", () => {
    expect(countRows(new Uint8Array(0))).toBe(0);
    expect(countRows(Buffer.alloc(1024 * 1024 + 3, 0x0a))).toBe(1024 * 1024 + 3);
  });
});
