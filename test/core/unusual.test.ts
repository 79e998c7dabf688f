import { describe, expect, it } from "vitest";
import { findUnusual } from "../../src/core/unusual.ts";

const MIB = 1024 * 1024;
const usual = { sizeBytes: 100 * MIB, durationMs: 60_000 };
const earlier = [90, 95, 100, 105, 300].map((mib) => ({ sizeBytes: mib * MIB, durationMs: 600 * mib }));

describe("a backup", () => {
  it("is compared with the median of those before it, which one odd one does not move", () => {
    expect(findUnusual({ ...usual, sizeBytes: 290 * MIB }, earlier)).toEqual([]);
    expect(findUnusual({ ...usual, sizeBytes: 301 * MIB }, earlier)).toEqual([
      { what: "size", found: 301 * MIB, usual: 100 * MIB },
    ]);
  });

  it("is unusual when it is small, but not when it is quick", () => {
    expect(findUnusual({ sizeBytes: 30 * MIB, durationMs: 1 }, earlier)).toEqual([
      { what: "size", found: 30 * MIB, usual: 100 * MIB },
    ]);
  });

  it("is unusual when it takes three times as long, if that is minutes", () => {
    expect(findUnusual({ ...usual, durationMs: 181_000 }, earlier).map(({ what }) => what)).toEqual([
      "duration",
    ]);
    const quick = earlier.map(({ sizeBytes }) => ({ sizeBytes, durationMs: 1_000 }));
    expect(findUnusual({ ...usual, durationMs: 20_000 }, quick)).toEqual([]);
  });

  it("of some kilobytes may be many times what the others were", () => {
    const small = earlier.map(({ durationMs }) => ({ sizeBytes: 1_000, durationMs }));
    expect(findUnusual({ ...usual, sizeBytes: 20_000 }, small)).toEqual([]);
  });

  it("is like no other while there are fewer than five", () => {
    expect(findUnusual({ sizeBytes: 1, durationMs: 1 }, earlier.slice(1))).toEqual([]);
  });
});
