import { setTimeout as sleep } from "node:timers/promises";
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

  it("goes on though a request is never answered, and waits for others no longer than it works", async () => {
    // What earlier waiting has earned is over.
    await sleep(600);
    const give = takeRightOfWay();
    await giveWay();
    expect(await stateOf(giveWay())).toBe("goes on");
    give();
  });
});
