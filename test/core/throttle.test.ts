import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { createThrottle } from "../../src/core/throttle.ts";

const unexpected = (error: unknown): never => {
  throw error;
};

it("acts for many requests at once, and no more often than the interval allows", async () => {
  const startedAtMs: number[] = [];
  const throttle = createThrottle(async () => void startedAtMs.push(performance.now()), 30, unexpected);
  for (let round = 0; round < 40; round++) {
    throttle.request();
    await delay(3);
  }
  await throttle.stop();
  const gaps = startedAtMs.slice(1).map((at, index) => at - (startedAtMs[index] ?? at));
  // Timers count whole milliseconds of a clock of their own.
  expect(Math.min(...gaps)).toBeGreaterThan(28);
  expect(startedAtMs.length).toBeLessThan(20);
});

it("acts once more for what is requested while it acts, and never twice at once", async () => {
  let running = 0;
  let seen = 0;
  let latest = 0;
  const throttle = createThrottle(
    async () => {
      expect(++running).toBe(1);
      const value = latest;
      await delay(5);
      seen = value;
      running--;
    },
    1,
    unexpected,
  );
  for (latest = 1; latest < 20; latest++) {
    throttle.request();
    await delay(2);
  }
  throttle.request();
  await expect.poll(() => seen).toBe(latest);
  await throttle.stop();
});

it("goes on after an act that failed", async () => {
  const errors: unknown[] = [];
  let acts = 0;
  const throttle = createThrottle(
    async () => {
      if (++acts === 1) throw new Error("once");
    },
    1,
    (error) => errors.push(error),
  );
  throttle.request();
  await expect.poll(() => errors).toHaveLength(1);
  throttle.request();
  await expect.poll(() => acts).toBe(2);
  expect(errors).toHaveLength(1);
  await throttle.stop();
});

it("stops once what was running has ended", async () => {
  let ended = 0;
  const throttle = createThrottle(
    async () => {
      await delay(10);
      ended++;
    },
    1,
    unexpected,
  );
  throttle.request();
  await delay(5);
  throttle.request();
  await throttle.stop();
  const before = ended;
  throttle.request();
  await delay(20);
  expect(ended).toBe(before);
});

it("acts sooner for a request that says so, whatever was requested before", async () => {
  let acts = 0;
  const throttle = createThrottle(async () => void acts++, 3_600_000, unexpected);
  throttle.request();
  await expect.poll(() => acts).toBe(1);
  throttle.request();
  throttle.request(1);
  throttle.request();
  await expect.poll(() => acts).toBe(2);
  await throttle.stop();
});
