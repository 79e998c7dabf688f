import { describe, expect, it } from "vitest";
import { createThrottle } from "../../src/auth/throttle.ts";

function createClocked(options: { limit: number; windowMs: number; maxNames?: number }) {
  let now = 5_000;
  const throttle = createThrottle({ ...options, now: () => now });
  return { throttle, pass: (ms: number) => void (now += ms) };
}

describe("a throttle", () => {
  it("allows so many attempts in a window, and says when the window ends", () => {
    const { throttle, pass } = createClocked({ limit: 2, windowMs: 10_000 });
    throttle.attempt("ada");
    pass(1_500);
    throttle.attempt("ada");
    expect(() => throttle.attempt("ada")).toThrow(
      expect.objectContaining({ code: "TOO_MANY_ATTEMPTS", details: { retryAfterSeconds: 9 } }),
    );
    throttle.attempt("grace");
    pass(8_500);
    throttle.attempt("ada");
  });

  it("is not kept closed by further attempts", () => {
    const { throttle, pass } = createClocked({ limit: 1, windowMs: 1_000 });
    throttle.attempt("ada");
    for (let step = 0; step < 9; step++) {
      pass(100);
      expect(() => throttle.attempt("ada")).toThrow("too many attempts");
    }
    pass(100);
    throttle.attempt("ada");
  });

  it("starts again for a name that got it right", () => {
    const { throttle } = createClocked({ limit: 1, windowMs: 1_000 });
    throttle.attempt("ada");
    throttle.clear("ada");
    expect(() => throttle.attempt("ada")).not.toThrow();
  });

  it("remembers a bounded number of names, and those whose windows ended not at all", () => {
    const { throttle, pass } = createClocked({ limit: 1, windowMs: 1_000, maxNames: 100 });
    for (let name = 0; name < 1_000; name++) throttle.attempt(`name ${name}`);
    expect(throttle.size).toBe(100);
    expect(() => throttle.attempt("name 999")).toThrow("too many attempts");
    throttle.attempt("name 0");
    pass(1_000);
    throttle.attempt("another");
    expect(throttle.size).toBe(1);
  });
});
