import { decodeJwt, SignJWT } from "jose";
import { afterAll, beforeAll, expect, it } from "vitest";
import { deriveKey } from "../../src/codec/seal.ts";
import { isHoldfastError } from "../../src/core/errors.ts";
import { createWorld, PASSWORD, SECRET_KEY, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
  await world.addUser("zoë", { roles: { Reader: ["READ_STREAMS", "READ_ACLS"] } });
});
afterAll(() => world[Symbol.asyncDispose]());

const unauthenticated = (message: string) => ({ code: "UNAUTHENTICATED", message });

it("answers a name and its password with a session that knows who it is", async () => {
  const signedIn = await world.auth.signIn("zoë", PASSWORD);
  const caller = await world.auth.authenticate(`Bearer ${signedIn.token}`);
  expect(caller).toMatchObject({ via: "session", username: "zoë", roles: ["Reader"] });
  expect(caller).toEqual(signedIn.caller);
  expect([...caller.permissions]).toEqual(["READ_ACLS", "READ_STREAMS"]);
});

it("ends sessions twelve hours after they began, in the token as in the ledger", async () => {
  const { token, expiresAt, caller } = await world.auth.signIn("zoë", PASSWORD);
  const { iat = 0, exp = 0 } = decodeJwt(token);
  expect(exp - iat).toBeGreaterThanOrEqual(12 * 3600 - 1);
  expect(exp - iat).toBeLessThanOrEqual(12 * 3600 + 1);
  expect(exp * 1000).toBe(expiresAt.getTime());
  const [row] = await world.ledger.sql`
    SELECT extract(epoch FROM expires_at)::integer AS exp FROM holdfast.sessions WHERE id = ${caller.sessionId}`;
  expect(row).toEqual({ exp });
});

it("refuses a wrong password and an unknown name with the same words", async () => {
  const refusal = {
    code: "BAD_CREDENTIALS",
    status: 401,
    message: "The user name or the password is wrong.",
  };
  await expect(world.auth.signIn("zoë", "wrong horse")).rejects.toMatchObject(refusal);
  await expect(world.auth.signIn("nobody", PASSWORD)).rejects.toMatchObject(refusal);
  await expect(world.auth.signIn("zoë\0", PASSWORD)).rejects.toMatchObject(refusal);
  await expect(world.auth.signIn("\ud800", PASSWORD)).rejects.toMatchObject(refusal);
});

it("takes a password however its letters are composed", async () => {
  await world.addUser("composed", { password: "Ångström-ﬁve" });
  await expect(world.auth.signIn("composed", "A\u030Angstro\u0308m-five")).resolves.toHaveProperty("token");
});

it("lets nobody in whose account has no password, or something else where its hash should be", async () => {
  await world.ledger
    .sql`INSERT INTO platform.users (username, password_hash) VALUES ('sso', NULL), ('odd', 'plain')`;
  await expect(world.auth.signIn("sso", "")).rejects.toMatchObject({ code: "BAD_CREDENTIALS" });
  await expect(world.auth.signIn("odd", "plain")).rejects.toMatchObject({ code: "BAD_CREDENTIALS" });
});

it("refuses a disabled account at sign-in, and its sessions from then on", async () => {
  await world.addUser("leaver");
  const session = await world.session("leaver");
  await world.ledger.sql`UPDATE platform.users SET disabled = true WHERE username = 'leaver'`;
  await expect(world.auth.authenticate(session)).rejects.toMatchObject(
    unauthenticated("The account is disabled."),
  );
  await expect(world.auth.signIn("leaver", PASSWORD)).rejects.toMatchObject({
    code: "BAD_CREDENTIALS",
    message: "The account is disabled.",
  });
  await expect(world.auth.signIn("leaver", "a guess")).rejects.toMatchObject({
    message: "The user name or the password is wrong.",
  });
});

it("refuses a session that was ended, or whose account is gone", async () => {
  await world.addUser("short");
  const session = await world.session("short");
  await world.ledger.sql`UPDATE holdfast.sessions SET ended_at = now()
    WHERE user_id = (SELECT id::text FROM platform.users WHERE username = 'short')`;
  await expect(world.auth.authenticate(session)).rejects.toMatchObject(
    unauthenticated("The session has ended."),
  );

  const other = await world.session("short");
  await world.ledger.sql`DELETE FROM platform.users WHERE username = 'short'`;
  await expect(world.auth.authenticate(other)).rejects.toMatchObject(
    unauthenticated("The session has ended."),
  );
});

it("does not take a session for that of another account which a restore gave the same id", async () => {
  const id = await world.addUser("before");
  const session = await world.session("before");
  await world.ledger.sql`UPDATE platform.users SET username = 'after' WHERE id = ${id}`;
  await expect(world.auth.authenticate(session)).rejects.toMatchObject(
    unauthenticated("The session has ended."),
  );
});

it("refuses a session that has expired, by the token's time and by the ledger's", async () => {
  const brief = world.another({ sessionLifetimeMs: 24 * 3600 * 1000 });
  const { token, caller } = await brief.signIn("zoë", PASSWORD);
  await world.ledger.sql`UPDATE holdfast.sessions SET expires_at = now() WHERE id = ${caller.sessionId}`;
  await expect(world.auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject(
    unauthenticated("The session has ended."),
  );
  const past = await forge({ expiresAt: new Date(Date.now() - 1000) });
  await expect(world.auth.authenticate(`Bearer ${past}`)).rejects.toMatchObject(
    unauthenticated("The session has expired."),
  );
});

it("refuses tokens that are signed with another key, for another purpose, or not at all", async () => {
  const foreign = unauthenticated("The session token is not one of this server's.");
  const { token } = await world.auth.signIn("zoë", PASSWORD);
  await expect(world.another({ secretKey: "another" }).authenticate(`Bearer ${token}`)).rejects.toMatchObject(
    foreign,
  );

  const sealing = await forge({ key: deriveKey(SECRET_KEY, "seal") });
  await expect(world.auth.authenticate(`Bearer ${sealing}`)).rejects.toMatchObject(foreign);

  const [, payload = ""] = token.split(".");
  const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
  await expect(world.auth.authenticate(`Bearer ${none}.${payload}.AA`)).rejects.toMatchObject(foreign);

  const issuedElsewhere = await forge({ issuer: "somebody" });
  await expect(world.auth.authenticate(`Bearer ${issuedElsewhere}`)).rejects.toMatchObject(foreign);
});

it("refuses a well signed token whose session the ledger does not know", async () => {
  await expect(world.auth.authenticate(`Bearer ${await forge({})}`)).rejects.toMatchObject(
    unauthenticated("The session has ended."),
  );
});

it("audits who signed in from where, and whom it refused", async () => {
  await world.auth.signIn("zoë", PASSWORD, { address: "2001:db8::7" });
  await world.auth.signIn("x".repeat(1000), PASSWORD, { address: "no address" }).catch(() => undefined);
  const rows = await world.ledger.sql`
    SELECT actor, action, target, host(ip) AS ip FROM platform.audit_logs ORDER BY id DESC LIMIT 2`;
  expect(rows).toEqual([
    { actor: null, action: "session.refused", target: `user:${"x".repeat(64)}`, ip: null },
    {
      actor: "zoë",
      action: "session.started",
      target: expect.stringMatching(/^session:[0-9a-f-]{36}$/),
      ip: "2001:db8::7",
    },
  ]);
});

it("limits how often one name is tried from one address, also all at once, and lets other addresses in", async () => {
  const attempts = { limit: 3, windowMs: 300_000 };
  const auth = world.another({ attempts });
  const from = (address: string) => auth.signIn("zoë", "wrong horse", { address });
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => from("192.0.2.1")));
  const codes = outcomes.map((outcome) =>
    outcome.status === "rejected" && isHoldfastError(outcome.reason) ? outcome.reason.code : outcome.status,
  );
  expect(codes.toSorted()).toEqual([
    ...["BAD_CREDENTIALS", "BAD_CREDENTIALS", "BAD_CREDENTIALS"],
    ...["TOO_MANY_ATTEMPTS", "TOO_MANY_ATTEMPTS"],
  ]);
  await expect(auth.signIn("zoë", PASSWORD, { address: "192.0.2.1" })).rejects.toMatchObject({
    code: "TOO_MANY_ATTEMPTS",
    status: 429,
    retryable: true,
    details: { retryAfterSeconds: expect.any(Number) },
  });
  await expect(auth.signIn("zoë", PASSWORD, { address: "192.0.2.2" })).resolves.toHaveProperty("token");
});

it("forgets wrong attempts once the password was right", async () => {
  const auth = world.another({ attempts: { limit: 2, windowMs: 300_000 } });
  for (let round = 0; round < 3; round++) {
    await expect(auth.signIn("zoë", "wrong horse")).rejects.toMatchObject({ code: "BAD_CREDENTIALS" });
    await expect(auth.signIn("zoë", PASSWORD)).resolves.toHaveProperty("token");
  }
});

/** A session token as this server makes them, for a session that nobody opened, but for what is given. */
async function forge(options: { key?: Uint8Array; issuer?: string; expiresAt?: Date }): Promise<string> {
  return new SignJWT({ name: "zoë" })
    .setProtectedHeader({ alg: "HS256" })
    .setIssuer(options.issuer ?? "holdfast")
    .setSubject("1")
    .setJti("6f1c2f5e-3f0b-4a53-9a08-0d8a7b9f5c11")
    .setExpirationTime(options.expiresAt ?? new Date(Date.now() + 60_000))
    .sign(options.key ?? deriveKey(SECRET_KEY, "sessions"));
}
