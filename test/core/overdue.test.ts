import { describe, expect, it } from "vitest";
import { overdueSince } from "../../src/core/overdue.ts";

const nightly = { cron: "30 2 * * *", timeZone: "UTC" };
const at = (time: string): Date => new Date(`2026-11-${time}Z`);
const since = (good: string, now: string, times = nightly) =>
  overdueSince(times, at(good), at(now))?.toISOString();

describe("a nightly schedule", () => {
  it("is not overdue before its next time, nor while the backup may still be made", () => {
    expect(since("20T02:30:05", "21T02:29:00")).toBeUndefined();
    expect(since("20T02:30:05", "21T14:29:00")).toBeUndefined();
  });

  it("is overdue twelve hours after a time that brought nothing", () => {
    expect(since("20T02:30:05", "21T14:31:00")).toBe("2026-11-21T02:30:00.000Z");
  });

  it("is overdue since the first time that brought nothing, however long ago", () => {
    expect(since("20T02:30:05", "28T09:00:00")).toBe("2026-11-21T02:30:00.000Z");
  });
});

it("a schedule of every five minutes gets ten minutes of grace", () => {
  const often = { cron: "*/5 * * * *", timeZone: "UTC" };
  expect(since("20T02:30:05", "20T02:44:00", often)).toBeUndefined();
  expect(since("20T02:30:05", "20T02:45:01", often)).toBe("2026-11-20T02:35:00.000Z");
});
