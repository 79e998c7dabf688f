import { readFile } from "node:fs/promises";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkRetention,
  decideRetention,
  type Retention,
  type RetentionCandidate,
  type RetentionDecision,
} from "../../src/core/retention.ts";
import { RUN_STATUSES } from "../../src/core/run.ts";

const at = (time: string, change: Partial<RetentionCandidate> = {}): RetentionCandidate => ({
  ...{ id: time, createdAt: new Date(time), status: "SUCCEEDED", pinned: false, series: "nightly" },
  ...change,
});
const decide = (
  candidates: readonly RetentionCandidate[],
  policy: Partial<Record<keyof Retention, number>>,
  timeZone = "UTC",
) => decideRetention(candidates, checkRetention(policy), () => timeZone);
const kept = (decisions: readonly RetentionDecision[]) =>
  decisions.filter(({ keep }) => keep).map(({ candidate }) => candidate.id);
/** What is said of each, the newest first. */
const told = (decisions: readonly RetentionDecision[]) =>
  decisions.map(({ candidate, keep, reasons }) => [candidate.id, keep ? "stays" : "goes", ...reasons]);

describe("the golden cases that restic itself has decided", async () => {
  const file = path.join(import.meta.dirname, "../golden/retention-restic.json");
  const golden = JSON.parse(await readFile(file, "utf8")) as {
    readonly timeZone: string;
    readonly times: readonly string[];
    readonly cases: readonly {
      readonly policy: Partial<Record<keyof Retention, number>>;
      readonly kept: string[];
    }[];
  };

  it.each(golden.cases.map((one) => [JSON.stringify(one.policy), one] as const))(
    "are decided the same under %s",
    (_, { policy, kept: expected }) => {
      const candidates = golden.times.map((time) => at(time));
      expect(kept(decide(candidates, policy, golden.timeZone))).toEqual(expected);
    },
  );
});

describe("a decision", () => {
  it("keeps the newest of each day, week, month and year, and says by which rule", () => {
    const times = [
      "2026-11-21T18:00:00Z",
      "2026-11-21T06:00:00Z",
      "2026-11-15T06:00:00Z",
      "2025-12-31T06:00:00Z",
    ];
    const policy = { keepLast: 1, keepDaily: 2, keepWeekly: 2, keepMonthly: 1, keepYearly: 5 };
    expect(
      told(
        decide(
          times.map((time) => at(time)),
          policy,
        ),
      ),
    ).toEqual([
      [
        ...["2026-11-21T18:00:00Z", "stays"],
        ...["last 1 of 1", "daily 2026-11-21", "weekly 2026-W47", "monthly 2026-11", "yearly 2026"],
      ],
      [
        ...["2026-11-21T06:00:00Z", "goes"],
        ...[
          "last: 1 newer stay",
          "daily 2026-11-21: a newer one stays",
          "weekly 2026-W47: a newer one stays",
        ],
        ...["monthly 2026-11: a newer one stays", "yearly 2026: a newer one stays"],
      ],
      ["2026-11-15T06:00:00Z", "stays", "daily 2026-11-15", "weekly 2026-W46"],
      ["2025-12-31T06:00:00Z", "stays", "yearly 2025"],
    ]);
  });

  it("counts only days that have a backup", () => {
    const times = [
      "2026-11-21T00:00:00Z",
      "2026-11-01T00:00:00Z",
      "2026-03-01T00:00:00Z",
      "2024-01-01T00:00:00Z",
    ];
    expect(
      kept(
        decide(
          times.map((time) => at(time)),
          { keepDaily: 3 },
        ),
      ),
    ).toEqual(times.slice(0, 3));
    expect(
      told(
        decide(
          times.map((time) => at(time)),
          { keepDaily: 3 },
        ),
      ).at(-1),
    ).toEqual([...["2024-01-01T00:00:00Z", "goes", "daily 2024-01-01: 3 newer stay"]]);
  });

  it("takes ISO weeks, which belong to the year of their Thursday", () => {
    const newestToOldest = ["2027-01-03T12:00:00Z", "2026-12-28T12:00:00Z", "2026-12-27T12:00:00Z"];
    expect(
      told(
        decide(
          newestToOldest.map((time) => at(time)),
          { keepWeekly: 9 },
        ),
      ),
    ).toEqual([
      [newestToOldest[0], "stays", "weekly 2026-W53"],
      [newestToOldest[1], "goes", "weekly 2026-W53: a newer one stays"],
      [newestToOldest[2], "stays", "weekly 2026-W52"],
    ]);
    expect(told(decide([at("2024-12-30T12:00:00Z")], { keepWeekly: 1 }))[0]).toContain("weekly 2025-W01");
    expect(told(decide([at("2021-01-03T12:00:00Z")], { keepWeekly: 1 }))[0]).toContain("weekly 2020-W53");
  });

  it("takes the days of the time zone", () => {
    const times = ["2026-11-21T23:30:00Z", "2026-11-21T22:30:00Z"];
    expect(
      kept(
        decide(
          times.map((time) => at(time)),
          { keepDaily: 2 },
          "UTC",
        ),
      ),
    ).toEqual([times[0]]);
    expect(
      kept(
        decide(
          times.map((time) => at(time)),
          { keepDaily: 2 },
          "Europe/Berlin",
        ),
      ),
    ).toEqual(times);
  });

  it.each([
    ["the day of 23 hours", ["2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"], "2026-03-29"],
    ["the day of 25 hours", ["2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"], "2026-10-25"],
  ])("has %s as one day, from its first to its last second", (_, [first = "", last = ""], day) => {
    const before = new Date(Date.parse(first) - 1000).toISOString();
    const after = new Date(Date.parse(last) + 1000).toISOString();
    const decisions = decide(
      [before, first, last, after].map((time) => at(time)),
      { keepDaily: 9 },
      "Europe/Berlin",
    );
    expect(kept(decisions)).toEqual([after, last, before]);
    expect(decisions[1]?.reasons).toEqual([`daily ${day}`]);
    expect(decisions[2]?.reasons).toEqual([`daily ${day}: a newer one stays`]);
  });

  it("keeps what is pinned, which also counts for the rules", () => {
    const times = [
      "2026-11-21T02:00:00Z",
      "2026-11-20T02:00:00Z",
      "2026-11-19T02:00:00Z",
      "2026-11-18T02:00:00Z",
    ];
    const candidates = times.map((time, index) => at(time, { pinned: index === 0 || index === 3 }));
    expect(told(decide(candidates, { keepLast: 2 }))).toEqual([
      [times[0], "stays", "last 1 of 2", "pinned"],
      [times[1], "stays", "last 2 of 2"],
      [times[2], "goes", "last: 2 newer stay"],
      [times[3], "stays", "pinned"],
    ]);
  });

  it("neither counts nor decides on what has failed, was cancelled or is still running", () => {
    const candidates = [
      at("2026-11-21T06:00:00Z", { status: "RUNNING" }),
      at("2026-11-21T05:00:00Z", { status: "QUEUED" }),
      at("2026-11-21T04:00:00Z", { status: "FAILED" }),
      at("2026-11-21T03:00:00Z", { status: "CANCELLED" }),
      at("2026-11-21T02:00:00Z"),
      at("2026-11-21T01:00:00Z"),
    ];
    expect(told(decide(candidates, { keepLast: 1 }))).toEqual([
      ["2026-11-21T02:00:00Z", "stays", "last 1 of 1"],
      ["2026-11-21T01:00:00Z", "goes", "last: 1 newer stay"],
    ]);
  });

  it("says of the only good one that it is", () => {
    const candidates = [at("2026-11-21T02:00:00Z", { status: "FAILED" }), at("2020-01-01T00:00:00Z")];
    expect(told(decide(candidates, { keepLast: 1 }))).toEqual([
      ["2020-01-01T00:00:00Z", "stays", "last 1 of 1", "the only good one"],
    ]);
  });

  it("keeps everything under a policy without a rule, which nobody can ask for", () => {
    const none = { keepLast: null, keepDaily: null, keepWeekly: null, keepMonthly: null, keepYearly: null };
    const candidates = [at("2026-11-21T02:00:00Z"), at("2026-11-20T02:00:00Z")];
    expect(decideRetention(candidates, none, () => "UTC").every(({ keep }) => keep)).toBe(true);
  });
});

describe("a policy", () => {
  it("has null for what is left out, and for 0", () => {
    const rest = { keepWeekly: null, keepMonthly: null, keepYearly: null };
    expect(checkRetention({ keepLast: 3, keepDaily: 0 })).toEqual({ keepLast: 3, keepDaily: null, ...rest });
  });

  it.each([
    [{}, "keeps nothing"],
    [{ keepLast: 0, keepDaily: 0 }, "keeps nothing"],
    [{ keepLast: null }, "keeps nothing"],
    [{ keepLast: -1 }, "`keepLast` is -1"],
    [{ keepDaily: 1.5 }, "`keepDaily` is 1.5"],
    [{ keepDaily: Number.NaN }, "`keepDaily` is NaN"],
    [{ keepYearly: 1e300 }, "`keepYearly`"],
  ])("of %j is refused", (policy, message) => {
    expect(() => checkRetention(policy)).toThrow(
      expect.objectContaining({ code: "BAD_INPUT", message: expect.stringContaining(message) }),
    );
  });
});

describe("whatever the backups and the policy", () => {
  const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];
  /** Around a change of the clocks and a turn of the year, and over some years. */
  const time = fc.oneof(
    fc.integer({ min: Date.UTC(2026, 9, 23), max: Date.UTC(2026, 9, 28) }),
    fc.integer({ min: Date.UTC(2025, 11, 27), max: Date.UTC(2026, 0, 5) }),
    fc.integer({ min: Date.UTC(2023, 0, 1), max: Date.UTC(2026, 11, 31) }),
  );
  const world = fc.record({
    candidates: fc
      .array(
        fc.record({
          createdAt: time.map((ms) => new Date(ms)),
          status: fc.constantFrom(...RUN_STATUSES, "SUCCEEDED" as const, "SUCCEEDED" as const),
          pinned: fc.integer({ min: 0, max: 9 }).map((number) => number === 0),
          series: fc.constantFrom("nightly", "weekly"),
        }),
        { maxLength: 30 },
      )
      .map((list) => list.map((candidate, index) => ({ id: `b${index}`, ...candidate }))),
    policy: fc
      .record({
        keepLast: fc.nat(4),
        keepDaily: fc.nat(5),
        keepWeekly: fc.nat(5),
        keepMonthly: fc.nat(5),
        keepYearly: fc.nat(3),
      })
      .filter((policy) => Object.values(policy).some((count) => count > 0))
      .map(checkRetention),
    timeZone: fc.constantFrom(...zones),
  });
  const holds = (property: (one: typeof world extends fc.Arbitrary<infer T> ? T : never) => void) =>
    fc.assert(fc.property(world, property), { numRuns: 200 });
  const run = ({ candidates, policy, timeZone }: Parameters<Parameters<typeof holds>[0]>[0]) =>
    decideRetention(candidates, policy, () => timeZone);
  const dayIn = (timeZone: string, date: Date) => date.toLocaleDateString("sv", { timeZone });

  it("every good backup is decided on once, and nothing else is", () => {
    holds((one) => {
      const decided = run(one).map(({ candidate }) => candidate.id);
      const good = one.candidates.filter(({ status }) => status === "SUCCEEDED").map(({ id }) => id);
      expect(decided.toSorted()).toEqual(good.toSorted());
      expect(run(one).every(({ reasons }) => reasons.length > 0)).toBe(true);
    });
  });

  it("pruning twice changes nothing", () => {
    holds((one) => {
      const first = run(one).filter(({ keep }) => keep);
      const again = decideRetention(
        first.map(({ candidate }) => candidate),
        one.policy,
        () => one.timeZone,
      );
      expect(kept(again)).toEqual(kept(first));
    });
  });

  it("the newest good one of every series stays, and all that is pinned", () => {
    holds((one) => {
      const decisions = run(one);
      for (const members of Map.groupBy(decisions, ({ candidate }) => candidate.series).values())
        expect(members[0]?.keep).toBe(true);
      expect(decisions.every(({ candidate, keep }) => keep || !candidate.pinned)).toBe(true);
    });
  });

  it("the newest of each of the last days that have any stays, as many as the policy says", () => {
    holds((one) => {
      for (const members of Map.groupBy(run(one), ({ candidate }) => candidate.series).values()) {
        const days = Map.groupBy(members, ({ candidate }) => dayIn(one.timeZone, candidate.createdAt));
        const newest = [...days.values()].slice(0, one.policy.keepDaily ?? 0).map(([first]) => first?.keep);
        expect(newest.every((keep) => keep === true)).toBe(true);
      }
    });
  });

  it("no series matters to another, nor the order in which they come", () => {
    holds((one) => {
      const together = kept(run(one)).toSorted();
      const apart = ["nightly", "weekly"].flatMap((series) =>
        kept(run({ ...one, candidates: one.candidates.filter((candidate) => candidate.series === series) })),
      );
      expect(apart.toSorted()).toEqual(together);
      expect(kept(run({ ...one, candidates: one.candidates.toReversed() })).toSorted()).toEqual(together);
    });
  });

  it("what failed or still runs changes nothing", () => {
    holds((one) => {
      const good = one.candidates.filter(({ status }) => status === "SUCCEEDED");
      expect(kept(run({ ...one, candidates: good }))).toEqual(kept(run(one)));
    });
  });
});
