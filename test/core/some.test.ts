import { expect, it } from "vitest";
import { someClauses, someNames } from "../../src/core/some.ts";

const names = (count: number) => Array.from({ length: count }, (_, n) => `t${n + 1}`);

it("names all of twenty", () => {
  expect(someNames(names(20))).toBe(names(20).join(", "));
  expect(someNames(["a", "b"], " or ")).toBe("a or b");
  expect(someNames([])).toBe("");
  expect(someClauses(["a is, as ever, this", "b is that"])).toBe("a is, as ever, this; b is that");
});

it("counts those beyond twenty", () => {
  expect(someNames(names(2_000))).toMatch(/^t1, t2, .*, t20 and 1980 more$/);
  expect(someNames(names(21), " and ")).toMatch(/ and t20 and 1 more$/);
  expect(someClauses(names(30))).toMatch(/; t20; and 10 more$/);
});
