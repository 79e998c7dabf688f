import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createProgressMeter, sumUp } from "../../src/core/progress.ts";
import type { Progress } from "../../src/core/run.ts";

const shares = { planning: [0, 2], copying: [2, 97], sealing: [97, 100] } as const;

function record() {
  const reports: Progress[] = [];
  let nowMs = 0;
  const meter = createProgressMeter(
    shares,
    (progress) => reports.push(progress),
    () => nowMs,
  );
  const last = () => reports.at(-1) ?? expect.fail("nothing was reported");
  return { meter, reports, last, advance: (ms: number) => (nowMs += ms) };
}

describe("the progress meter", () => {
  it("maps a phase's bytes onto the phase's share of the run", () => {
    const { meter, last } = record();
    meter.enter("copying", { rows: 100, bytes: 1000 });
    expect(last().percent).toBe(2);
    meter.add({ rows: 50, bytes: 500, entity: "USERS" });
    expect(last()).toMatchObject({ percent: 49.5, rows: 50, rowsTotal: 100, entity: "USERS" });
    meter.enter("done");
    expect(last().percent).toBe(100);
  });

  it("ends with what was counted as the total, and leaves the counts standing in phases that count nothing", () => {
    const { meter, last } = record();
    meter.enter("copying", { rows: 100, bytes: 1000 });
    meter.add({ rows: 80, bytes: 900, entity: "USERS" });
    meter.enter("sealing");
    expect(last()).toMatchObject({ phase: "sealing", rows: 80, rowsTotal: 100 });
    meter.enter("done");
    expect(last()).toMatchObject({ percent: 100, rows: 80, rowsTotal: 80, bytes: 900, bytesTotal: 900 });
  });

  it("gives the rate over the last seconds and the time that is left", () => {
    const { meter, last, advance } = record();
    meter.enter("copying", { rows: 1000, bytes: 1000 });
    advance(1000);
    meter.add({ rows: 100, bytes: 100, entity: "USERS" });
    advance(1000);
    meter.add({ rows: 100, bytes: 100, entity: "USERS" });
    expect(last()).toMatchObject({ rowsPerSecond: 100, etaSeconds: 8 });
  });

  it("raises a total that turns out too low instead of passing 100 percent", () => {
    const { meter, last } = record();
    meter.enter("copying", { rows: 1, bytes: 10 });
    meter.add({ rows: 5, bytes: 50, entity: "USERS" });
    expect(last()).toMatchObject({ rowsTotal: 5, bytesTotal: 50, percent: 97 });
  });

  it("counts each table of a phase, with its rate and time left, and ends it with what was counted", () => {
    const { meter, last, advance } = record();
    const [users, roles] = [
      { entity: "USERS", table: "public.users" },
      { entity: "ROLES", table: "public.roles" },
    ] as const;
    meter.enter(
      "copying",
      sumUp([
        { ...users, rows: 10, bytes: 1000 },
        { ...roles, rows: 5, bytes: 50 },
      ]),
    );
    expect(last()).toMatchObject({ rowsTotal: 15, bytesTotal: 1050 });
    meter.add({ ...users, rows: 1, bytes: 100 });
    advance(1000);
    meter.add({ ...users, rows: 1, bytes: 100 });
    const [first, second] = last().tables ?? [];
    expect(first).toMatchObject({
      ...users,
      rows: 2,
      rowsTotal: 10,
      rowsPerSecond: 2,
      etaSeconds: 4,
      done: false,
    });
    expect(second).toMatchObject({ ...roles, rows: 0, rowsPerSecond: null, etaSeconds: null, done: false });
    meter.endTable(users);
    expect(last().tables?.[0]).toMatchObject({
      rows: 2,
      rowsTotal: 2,
      bytesTotal: 200,
      etaSeconds: null,
      done: true,
    });
    meter.enter("sealing");
    expect(last().tables).toHaveLength(2);
    meter.enter("done");
    expect(last().tables).toBeUndefined();
  });

  it("ends a table by itself where its totals are exact, an empty one at once, and for as long as all is counted", () => {
    const { meter, last } = record();
    const staging = ["full", "empty"].map((table, place) => ({
      ...{ entity: "USERS", table, rows: 2 - 2 * place, bytes: null },
    }));
    meter.enter("copying", sumUp(staging, true));
    const done = () => last().tables?.map((table) => table.done);
    expect(done()).toEqual([false, true]);
    meter.add({ entity: "USERS", table: "full", rows: 2, bytes: 0 });
    expect(done()).toEqual([true, true]);
    meter.add({ entity: "USERS", table: "full", rows: -1, bytes: 0 });
    expect(done()).toEqual([false, true]);
  });

  it("shows the largest tables alone where there are very many, in their order", () => {
    const { meter, last } = record();
    const many = Array.from({ length: 3000 }, (_, place) => ({
      ...{ entity: "USERS", table: `t${place}`, rows: null, bytes: place < 2950 ? 1 : 100 },
    }));
    meter.enter("copying", sumUp(many));
    expect(last().tables?.map(({ table }) => table)).toEqual(many.slice(2950).map(({ table }) => table));
    expect(last()).toMatchObject({ rowsTotal: null, bytesTotal: 2950 + 5000 });
  });

  it("never lets the percentage fall, whatever is counted", () => {
    const step = fc.oneof(
      fc.record({ enter: fc.constantFrom("planning", "copying", "sealing"), bytes: fc.option(fc.nat(1000)) }),
      fc.record({ bytes: fc.nat(500), afterMs: fc.nat(2000) }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { meter, reports, advance } = record();
        for (const entry of steps) {
          if ("enter" in entry) meter.enter(entry.enter, { rows: null, bytes: entry.bytes });
          else {
            advance(entry.afterMs);
            meter.add({ rows: 1, bytes: entry.bytes, entity: "USERS" });
          }
        }
        const percents = reports.map((report) => report.percent);
        expect(percents).toEqual(percents.toSorted((a, b) => a - b));
        expect(percents.every((percent) => percent >= 0 && percent <= 100)).toBe(true);
      }),
    );
  });
});
