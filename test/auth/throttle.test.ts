import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HoldfastError, isHoldfastError } from "../../src/core/errors.ts";
import { networkOf } from "../../src/auth/network.ts";
import { createThrottle, type Throttle } from "../../src/auth/throttle.ts";
import { createWorld, PASSWORD, type World } from "./world.ts";

let world: World;
let throttle: Throttle;
let other: Throttle;
beforeAll(async () => {
  world = await createWorld();
  const options = { ledger: world.ledger, key: new Uint8Array(32), windowMs: 60_000 };
  throttle = createThrottle(options);
  other = createThrottle(options);
});
afterAll(() => world[Symbol.asyncDispose]());

const tooMany = { code: "TOO_MANY_ATTEMPTS", details: { retryAfterSeconds: expect.any(Number) } };
const named = (name: string, limit: number) => [{ name: [name], limit }];
const windowsEnd = () => world.ledger.sql`update holdfast.throttles set ends_at = now()`;

describe("a throttle", () => {
  it("allows so many attempts in a window, on all servers together and at once, and more in the next", async () => {
    const attempts = [throttle, other, throttle, other, throttle].map((one) => one.attempt(named("ada", 3)));
    const outcomes = await Promise.allSettled(attempts);
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    await expect(other.attempt(named("ada", 3))).rejects.toMatchObject(tooMany);
    await expect(other.check(named("ada", 3))).rejects.toMatchObject(tooMany);
    await throttle.attempt(named("grace", 3));
    await windowsEnd();
    await throttle.check(named("ada", 3));
    await throttle.attempt(named("ada", 3));
  });

  it("counts one who is refused under no other name, and one who is forgiven under none", async () => {
    const limits = [...named("from here", 3), ...named("him", 1), ...named("her", 2)];
    const attempt = await throttle.attempt(limits);
    for (let count = 0; count < 5; count += 1)
      await expect(throttle.attempt(limits)).rejects.toMatchObject(tooMany);
    await throttle.attempt(named("from here", 2));
    await throttle.attempt(named("her", 2));
    await attempt.forgive();
    await throttle.clear(["her"]);
    await throttle.attempt(limits);
  });

  it("keeps neither names nor what is over", async () => {
    await throttle.attempt(named("a secret typed for a name", 1));
    await throttle.remember(["a place"], 60_000);
    expect(await other.isRemembered(["a place"])).toBe(true);
    expect(JSON.stringify(await world.ledger.sql`select * from holdfast.throttles`)).not.toContain("secret");
    await windowsEnd();
    expect(await other.isRemembered(["a place"])).toBe(false);
    await throttle.attempt(named("another", 1));
    const [left] = await world.ledger.sql`select count(*)::integer as count from holdfast.throttles`;
    expect(left).toEqual({ count: 1 });
  });
});

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["::ffff:192.0.2.7", "192.0.2.7"],
  ["2001:db8:0:7:1:2:3:4", "2001:db8:0:7::/64"],
  ["2001:0DB8:0:7::1", "2001:db8:0:7::/64"],
  ["::1", "0:0:0:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  [undefined, null],
])("the address %s counts as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});

describe("signing in", () => {
  const codes = async (attempts: readonly Promise<unknown>[]) => {
    const outcomes = await Promise.allSettled(attempts);
    return outcomes.map((outcome) =>
      outcome.status === "rejected" && isHoldfastError(outcome.reason) ? outcome.reason.code : "SIGNED_IN",
    );
  };

  it("is limited for an account from all addresses together; where its owner signs in from, its owner still can", async () => {
    await world.addUser("wanted");
    const auth = world.another({ attempts: { limit: 1, windowMs: 60_000 } });
    await auth.signIn("wanted", PASSWORD, { address: "198.51.100.1" });
    const guesses = Array.from({ length: 7 }, (_, index) =>
      auth.signIn("wanted", "a guess", { address: `203.0.113.${index}` }),
    );
    const found = await codes(guesses);
    expect(found.filter((code) => code === "BAD_CREDENTIALS")).toHaveLength(5);
    expect(found.filter((code) => code === "TOO_MANY_ATTEMPTS")).toHaveLength(2);
    expect(await codes([auth.signIn("wanted", PASSWORD, { address: "203.0.113.200" })])).toEqual([
      "TOO_MANY_ATTEMPTS",
    ]);
    expect(await codes([auth.signIn("wanted", PASSWORD, { address: "198.51.100.1" })])).toEqual([
      "SIGNED_IN",
    ]);
  });

  it("is limited for an address whatever names are tried; what succeeds does not count", async () => {
    await world.addUser("neighbour");
    const auth = world.another({ attempts: { limit: 1, windowMs: 60_000 } });
    const address = "2001:db8::1";
    for (let count = 0; count < 12; count += 1) await auth.signIn("neighbour", PASSWORD, { address });
    const guesses = Array.from({ length: 12 }, (_, index) =>
      auth.signIn(`name ${index}`, "a guess", { address: `2001:db8::${index + 2}` }),
    );
    const found = await codes(guesses);
    expect(found.filter((code) => code === "BAD_CREDENTIALS")).toHaveLength(10);
    expect(found.filter((code) => code === "TOO_MANY_ATTEMPTS")).toHaveLength(2);
  });
});

it("opening backups is limited for an account and an address: only what is wrong counts", async () => {
  const { auth } = world;
  const opener = { userId: "7", address: "192.0.2.9" };
  const wrong = async () => {
    throw new HoldfastError("WRONG_PASSPHRASE", "No.");
  };
  for (let count = 0; count < 12; count += 1)
    expect(await auth.limitOpening(opener, async () => "open")).toBe("open");
  for (let count = 0; count < 10; count += 1)
    await expect(auth.limitOpening(opener, wrong)).rejects.toMatchObject({ code: "WRONG_PASSPHRASE" });
  await expect(auth.limitOpening(opener, async () => "open")).rejects.toMatchObject(tooMany);
  await expect(auth.checkOpening(opener)).rejects.toMatchObject(tooMany);
  await auth.checkOpening({ ...opener, userId: "8" });
  expect(await auth.limitOpening({ userId: null }, async () => "a drill")).toBe("a drill");
});
