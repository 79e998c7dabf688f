import { describe, expect, it } from "vitest";
import { formatBytes, formatClock, formatCount, formatDuration } from "../../src/cli/terminal/format.ts";
import { renderTable } from "../../src/cli/terminal/table.ts";

describe("numbers as people read them", () => {
  it("groups thousands", () => {
    expect(formatCount(0)).toBe("0");
    expect(formatCount(151_203)).toBe("151,203");
  });

  it("says sizes in the largest decimal unit that leaves a whole number before the point", () => {
    expect(formatBytes(0)).toBe("0 byte");
    expect(formatBytes(999)).toBe("999 byte");
    expect(formatBytes(1_000)).toBe("1 kB");
    expect(formatBytes(21_340_000)).toBe("21.3 MB");
    expect(formatBytes(3.2e15)).toBe("3,200 TB");
  });

  it("says durations in seconds up to a minute, then as a clock", () => {
    expect(formatDuration(812)).toBe("0.8 s");
    expect(formatDuration(59_940)).toBe("59.9 s");
    expect(formatDuration(184_000)).toBe("3:04");
    expect(formatDuration(3_723_000)).toBe("1:02:03");
    expect(formatClock(4)).toBe("0:04");
  });
});

describe("tables", () => {
  it("align their columns by what is seen: colours take no room, wide characters take two", () => {
    const columns = [{ title: "name" }, { title: "rows", align: "right" as const }];
    expect(
      renderTable(columns, [
        ["users", "500"],
        ["\u001B[32m日本\u001B[39m", "24"],
      ]),
    ).toBe(["name   rows", "─────  ────", "users   500", "\u001B[32m日本\u001B[39m     24"].join("\n"));
  });

  it("are a heading when there are no rows", () => {
    expect(renderTable([{ title: "name" }], [])).toBe("name\n────");
  });
});
