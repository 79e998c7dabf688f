import { expect, it, vi } from "vitest";
import { shareAnswers } from "../../src/core/shared-answers.ts";

it("asks once for all who ask the same, and again once the answer is too old", async () => {
  vi.useFakeTimers();
  try {
    let asked = 0;
    const share = shareAnswers(async (key) => `${key} ${++asked}`, 500);
    expect(await Promise.all([share("a"), share("a"), share("b")])).toEqual(["a 1", "a 1", "b 2"]);
    await vi.advanceTimersByTimeAsync(499);
    expect(await share("a")).toBe("a 1");
    await vi.advanceTimersByTimeAsync(1);
    expect(await share("a")).toBe("a 3");
  } finally {
    vi.useRealTimers();
  }
});

it("tells a failure to those who wait for it, and to nobody later", async () => {
  let asked = 0;
  const share = shareAnswers(async () => {
    asked += 1;
    if (asked === 1) throw new Error("not now");
    return asked;
  }, 60_000);
  const first = await Promise.allSettled([share("a"), share("a")]);
  expect(first.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  expect(await share("a")).toBe(2);
});
