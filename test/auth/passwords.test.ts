import { parseOptions } from "@node-rs/argon2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkNewPassword, hashPassword, makePassword, verifyPassword } from "../../src/auth/passwords.ts";
import { createWorld, PASSWORD, type World } from "./world.ts";

describe("a password's hash", () => {
  it("is argon2id with 19 MiB and two passes, salted anew each time", async () => {
    const [one, two] = await Promise.all([hashPassword(PASSWORD), hashPassword(PASSWORD)]);
    expect(one).toMatch(/^\$argon2id\$/);
    expect(one).not.toBe(two);
    expect(parseOptions(one)).toMatchObject({ memoryCost: 19_456, timeCost: 2, saltLen: 16 });
    expect(await verifyPassword(one, PASSWORD)).toBe(true);
    expect(await verifyPassword(one, `${PASSWORD} `)).toBe(false);
  });

  it("verifies nothing where there is none, whatever is given", async () => {
    for (const password of ["", PASSWORD, "\0"]) {
      expect(await verifyPassword(null, password)).toBe(false);
      expect(await verifyPassword(undefined, password)).toBe(false);
    }
  });
});

it("makes passwords that pass the rule and are never the same", () => {
  const made = new Set(Array.from({ length: 100 }, makePassword));
  expect(made.size).toBe(100);
  for (const password of made) {
    expect(password).toMatch(/^([a-z2-9]{6}-){3}[a-z2-9]{6}$/);
    checkNewPassword(password);
  }
});

describe("changing the password", () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it("ends every other session of the account, keeps the one that asks and the tokens, and is audited", async () => {
    await world.addUser("ada");
    await world.addUser("grace");
    const [mine, other, hers] = [
      await world.session("ada"),
      await world.session("ada"),
      await world.session("grace"),
    ];
    const caller = await world.auth.authenticate(mine);
    const { token } = await world.auth.createToken(caller, { name: "CI" });

    await world.auth.changePassword(caller, { old: PASSWORD, new: "a new secret" }, { address: "192.0.2.9" });

    await expect(world.auth.authenticate(other)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
    for (const alive of [mine, hers, `Bearer ${token}`])
      await expect(world.auth.authenticate(alive)).resolves.toHaveProperty("username");
    await expect(world.auth.signIn("ada", PASSWORD)).rejects.toMatchObject({ code: "BAD_CREDENTIALS" });
    await expect(world.auth.signIn("ada", "a new secret")).resolves.toHaveProperty("token");
    expect(
      await world.ledger.sql`
        SELECT actor, target, host(ip) AS ip FROM platform.audit_logs WHERE action = 'password.changed'`,
    ).toEqual([{ actor: "ada", target: "user:ada", ip: "192.0.2.9" }]);
  });

  it("ends all sessions when a token asks", async () => {
    await world.addUser("by-token");
    const session = await world.session("by-token");
    const { token } = await world.auth.createToken(await world.auth.authenticate(session), { name: "t" });
    const caller = await world.auth.authenticate(`Bearer pat:${token}`);
    await world.auth.changePassword(caller, { old: PASSWORD, new: "a new secret" });
    await expect(world.auth.authenticate(session)).rejects.toMatchObject({ code: "UNAUTHENTICATED" });
  });

  it("is refused with 403 when the old password is wrong, before the new one is looked at", async () => {
    await world.addUser("linus");
    const [session, other] = [await world.session("linus"), await world.session("linus")];
    const caller = await world.auth.authenticate(session);
    await expect(world.auth.changePassword(caller, { old: "wrong horse", new: "x" })).rejects.toMatchObject({
      code: "WRONG_PASSWORD",
      status: 403,
    });
    await expect(world.auth.authenticate(other)).resolves.toHaveProperty("username", "linus");
    await expect(world.auth.signIn("linus", PASSWORD)).resolves.toHaveProperty("token");
  });

  it("wants at least eight characters, and not a book", async () => {
    await world.addUser("short");
    const caller = await world.auth.authenticate(await world.session("short"));
    const change = (password: string) => world.auth.changePassword(caller, { old: PASSWORD, new: password });
    for (const password of ["", "1234567", "🦊🦊🦊🦊🦊🦊🦊"]) {
      await expect(change(password)).rejects.toMatchObject({
        code: "BAD_INPUT",
        hint: "A password has at least 8 characters.",
      });
    }
    await expect(change("x".repeat(1025))).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(change("12345678")).resolves.toBeUndefined();
  });

  it("happens once when two ask at the same time", async () => {
    await world.addUser("twice");
    const caller = await world.auth.authenticate(await world.session("twice"));
    const outcomes = await Promise.allSettled([
      world.auth.changePassword(caller, { old: PASSWORD, new: "first of two" }),
      world.auth.changePassword(caller, { old: PASSWORD, new: "second of two" }),
    ]);
    expect(outcomes.map((outcome) => outcome.status).toSorted()).toEqual(["fulfilled", "rejected"]);
  });

  it("leaves no session to a sign-in with the old password that was under way", async () => {
    const id = await world.addUser("racer");
    const { sql } = world.ledger;
    const caller = await world.auth.authenticate(await world.session("racer"));
    // The row is held until both wait for it: the sign-in has verified the old password by then.
    const held = await sql.reserve();
    await held`BEGIN`;
    await held`SELECT FROM platform.users WHERE id = ${id} FOR UPDATE`;
    const change = world.auth.changePassword(caller, { old: PASSWORD, new: "a new secret" });
    await waiting(1);
    const signIn = world.auth.signIn("racer", PASSWORD).then(
      ({ token }) => token,
      () => undefined,
    );
    await waiting(2);
    await held`COMMIT`;
    held.release();
    await change;
    const token = await signIn;
    if (token !== undefined)
      await expect(world.auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject({
        code: "UNAUTHENTICATED",
      });
    const open = await sql`SELECT id::text FROM holdfast.sessions WHERE user_id = ${id} AND ended_at IS NULL`;
    expect(open).toEqual([{ id: "sessionId" in caller ? caller.sessionId : "" }]);
  });

  it("is limited like signing in", async () => {
    const auth = world.another({ attempts: { limit: 2, windowMs: 60_000 } });
    await world.addUser("guesser");
    const caller = await auth.authenticate(await world.session("guesser"));
    const guess = () => auth.changePassword(caller, { old: "wrong horse", new: "a new secret" });
    await expect(guess()).rejects.toMatchObject({ code: "WRONG_PASSWORD" });
    await expect(guess()).rejects.toMatchObject({ code: "WRONG_PASSWORD" });
    await expect(guess()).rejects.toMatchObject({ code: "TOO_MANY_ATTEMPTS" });
  });

  /** Until so many statements of this database wait for a lock. */
  async function waiting(count: number): Promise<void> {
    for (;;) {
      const [row] = await world.ledger.sql<{ count: number }[]>`
        SELECT count(*)::integer AS count FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      if (row?.count === count) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
});
