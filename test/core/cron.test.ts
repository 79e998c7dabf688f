import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkDueTimes, latestDue, nextDue } from "../../src/core/cron.ts";

const NOW = new Date("2026-11-22T07:00:00Z");
const berlin = (cron: string) => ({ cron, timeZone: "Europe/Berlin" });
/** The next due times after a moment, in UTC. */
function following(cron: string, after: string, count: number): string[] {
  const found: string[] = [];
  for (let from = new Date(after); found.length < count; from = new Date(found.at(-1) ?? after))
    found.push(nextDue(berlin(cron), from)?.toISOString() ?? "never");
  return found;
}

describe("due times", () => {
  it("are read in the time zone", () => {
    expect(nextDue({ cron: "30 2 * * *", timeZone: "UTC" }, NOW)?.toISOString()).toBe(
      "2026-11-23T02:30:00.000Z",
    );
    expect(nextDue(berlin("30 2 * * *"), NOW)?.toISOString()).toBe("2026-11-23T01:30:00.000Z");
  });

  it("come after the moment itself", () => {
    expect(following("0 8 * * *", "2026-11-22T07:00:00.000Z", 1)).toEqual(["2026-11-23T07:00:00.000Z"]);
    expect(following("0 8 * * *", "2026-11-22T06:59:59.999Z", 1)).toEqual(["2026-11-22T07:00:00.000Z"]);
  });

  it("come at the change of the clocks when it leaves them out", () => {
    expect(following("30 2 * * *", "2026-03-28T00:00:00Z", 3)).toEqual([
      ...["2026-03-28T01:30:00.000Z", "2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z"],
    ]);
  });

  it("come once when a change of the clocks brings them twice, and an hourly one comes every hour", () => {
    expect(following("30 2 * * *", "2026-10-24T22:00:00Z", 2)).toEqual([
      ...["2026-10-25T00:30:00.000Z", "2026-10-26T01:30:00.000Z"],
    ]);
    expect(following("30 * * * *", "2026-10-24T23:59:00Z", 3)).toEqual([
      ...["2026-10-25T00:30:00.000Z", "2026-10-25T01:30:00.000Z", "2026-10-25T02:30:00.000Z"],
    ]);
  });

  it("may have seconds, or a nickname; a day of the month and one of the week are either", () => {
    expect(nextDue(berlin("*/5 * * * * *"), NOW)?.toISOString()).toBe("2026-11-22T07:00:05.000Z");
    expect(nextDue(berlin("@daily"), NOW)?.toISOString()).toBe("2026-11-22T23:00:00.000Z");
    expect(following("0 0 13 * FRI", "2026-12-01T00:00:00Z", 3)).toEqual([
      ...["2026-12-03T23:00:00.000Z", "2026-12-10T23:00:00.000Z", "2026-12-12T23:00:00.000Z"],
    ]);
  });
});

describe("the latest due time", () => {
  it("is one, however many were missed; none if there was none", () => {
    const after = new Date("2026-11-20T00:00:00Z");
    expect(latestDue(berlin("30 2 * * *"), after, NOW)?.toISOString()).toBe("2026-11-22T01:30:00.000Z");
    expect(latestDue(berlin("30 2 * * *"), new Date("2026-11-22T01:30:00Z"), NOW)).toBeUndefined();
    expect(latestDue(berlin("30 2 * * *"), new Date("2026-11-22T01:29:59.999Z"), NOW)).toBeDefined();
  });

  it("is there at its very moment", () => {
    const due = new Date("2026-11-22T01:30:00.000Z");
    const before = new Date("2026-11-21T12:00:00Z");
    expect(latestDue(berlin("30 2 * * *"), before, due)).toEqual(due);
    expect(latestDue(berlin("30 2 * * *"), before, new Date(due.getTime() - 1))).toBeUndefined();
  });

  it("is the last of those that follow one another, also where clocks change", () => {
    const crons = ["30 2 * * *", "*/30 2 * * *", "*/37 * * * *", "15 30 1 * * 1", "0 0 31 * 5"];
    const zones = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"];
    const start = fc.constantFrom("2026-03-27T00:00:00Z", "2026-10-23T00:00:00Z", "2026-04-03T05:00:00Z");
    fc.assert(
      fc.property(
        ...([fc.constantFrom(...crons), fc.constantFrom(...zones), start, fc.nat(4 * 86_400)] as const),
        (cron, timeZone, from, seconds) => {
          const times = { cron, timeZone };
          const after = new Date(from);
          const until = new Date(after.getTime() + seconds * 1000);
          let last: Date | undefined;
          for (let due = nextDue(times, after); due !== undefined && due <= until; due = nextDue(times, due))
            last = due;
          expect(latestDue(times, after, until)).toEqual(last);
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("a schedule's times are refused", () => {
  it.each([
    ["four fields", "0 2 * *", "five fields"],
    ["no field", "", "five fields"],
    ["a year", "0 0 1 1 * 1 2027", "five fields"],
    ["a moment", "2026-12-12T00:00:00", "five fields"],
    ["a minute that no hour has", "61 2 * * *", "minute"],
    ["words", "every day at noon please", "`cron` is no cron expression"],
    ["@reboot", "@reboot", "not supported"],
    ["a day that never comes", "0 0 30 2 *", "never comes"],
  ])("with %s", (_, cron, message) => {
    expect(() => checkDueTimes("cron", berlin(cron), NOW)).toThrow(
      expect.objectContaining({ code: "BAD_INPUT", message: expect.stringContaining(message) }),
    );
  });

  it.each(["Mars/Phobos", "", "+02:00", "Europe/Berlin; drop table", "CET-1CEST\0"])(
    "with %j as the time zone",
    (timeZone) => {
      expect(() => checkDueTimes("cron", { cron: "0 2 * * *", timeZone }, NOW)).toThrow(
        expect.objectContaining({ code: "BAD_INPUT", message: expect.stringContaining("`timeZone`") }),
      );
    },
  );
});
