import { describe, expect, it } from "vitest";
import { parseRange } from "../../src/http/rest/byte-range.ts";

describe("parseRange", () => {
  it.each([
    ["bytes=0-0", { start: 0, end: 1 }],
    ["bytes=10-19", { start: 10, end: 20 }],
    ["bytes=10-", { start: 10, end: 100 }],
    ["bytes=99-", { start: 99, end: 100 }],
    ["bytes=90-1000", { start: 90, end: 100 }],
    ["bytes=-1", { start: 99, end: 100 }],
    ["bytes=-1000", { start: 0, end: 100 }],
  ])("of %s in 100 bytes is %o", (header, range) => {
    expect(parseRange(header, 100)).toEqual(range);
  });

  it.each([undefined, "", "bytes=-", "bytes=5-4", "bytes=0-1,3-4", "lines=1-2", "bytes=a-b"])(
    "of %s is the whole file",
    (header) => {
      expect(parseRange(header, 100)).toBeUndefined();
    },
  );

  it.each(["bytes=100-", "bytes=100-200", "bytes=-0"])("refuses %s, and says how much there is", (header) => {
    expect(() => parseRange(header, 100)).toThrow(
      expect.objectContaining({ code: "RANGE_NOT_SATISFIABLE", details: { sizeBytes: 100 } }),
    );
  });
});
