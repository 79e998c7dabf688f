import { describe, expect, it } from "vitest";
import { giveWay, takeRightOfWay } from "../../src/core/right-of-way.ts";

/** What has come about by now, told in the turn after. */
async function stateOf(promise: Promise<void>): Promise<"waits" | "goes on"> {
  return Promise.race([
    promise.then(() => "goes on" as const),
    new Promise<"waits">((resolve) => void setImmediate(() => resolve("waits"))),
  ]);
}

describe("whoever moves rows", () => {
  it("goes on where nobody asks for anything", async () => {
    expect(await stateOf(giveWay())).toBe("goes on");
  });

  it("waits until the last request that is being answered has been, and all go on together", async () => {
    const first = takeRightOfWay();
    const second = takeRightOfWay();
    const movers = [giveWay(), giveWay()];
    first();
    first();
    expect(await Promise.all(movers.map(stateOf))).toEqual(["waits", "waits"]);
    second();
    await Promise.all(movers);
  });

  it("goes on though a request is never answered", async () => {
    takeRightOfWay();
    await expect(giveWay()).resolves.toBeUndefined();
  });

  it("goes on though there is always another request", async () => {
    let give = takeRightOfWay();
    const requests = setInterval(() => {
      const former = give;
      give = takeRightOfWay();
      former();
    }, 50);
    await expect.poll(() => stateOf(giveWay()), { timeout: 10_000, interval: 0 }).toBe("goes on");
    clearInterval(requests);
    give();
  });
});
