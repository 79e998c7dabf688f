import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Caller } from "../../src/auth/caller.ts";
import { createWorld, type World } from "./world.ts";

let world: World;
let owner: Caller;
let visitor: Caller;
beforeAll(async () => {
  world = await createWorld();
  await world.addUser("owner", { roles: { Owner: ["READ_ACLS", "READ_STREAMS", "WRITE_STREAMS"] } });
  await world.addUser("visitor");
  owner = await world.auth.authenticate(await world.session("owner"));
  visitor = await world.auth.authenticate(await world.session("visitor"));
});
afterAll(() => world[Symbol.asyncDispose]());

const HOUR_MS = 3_600_000;
const inHours = (hours: number) => new Date(Date.now() + hours * HOUR_MS);

describe("a token", () => {
  it("is told once, recognisable, and kept as its SHA-256 alone", async () => {
    const { token, accessToken } = await world.auth.createToken(owner, { name: " CI " });
    expect(token).toMatch(/^hf_[A-Za-z0-9_-]{43}$/);
    const [row] = await world.ledger
      .sql`SELECT to_jsonb(t)::text AS row, token_hash AS hash FROM platform.tokens t
      WHERE id = ${accessToken.id}`;
    expect(row?.["hash"]).toEqual(createHash("sha256").update(token).digest());
    expect(row?.["row"]).not.toContain(token.slice(3));
    expect(accessToken).toMatchObject({ name: "CI", expiresAt: null, lastUsedAt: null });
    expect(await world.auth.authenticate(`Bearer pat:${token}`)).toMatchObject({
      via: "token",
      tokenId: accessToken.id,
      username: "owner",
      permissions: owner.permissions,
    });
  });

  it("does what both it and its owner may, no more", async () => {
    const { sql } = world.ledger;
    await world.addUser("narrowed", { roles: { Narrowed: ["READ_ACLS", "READ_STREAMS"] } });
    const caller = await world.auth.authenticate(await world.session("narrowed"));
    const { token, accessToken } = await world.auth.createToken(caller, {
      name: "t",
      permissions: ["READ_STREAMS"],
    });
    expect(accessToken.permissions).toEqual(["READ_STREAMS"]);
    const now = async () => [...(await world.auth.authenticate(`Bearer ${token}`)).permissions];
    expect(await now()).toEqual(["READ_STREAMS"]);
    await sql`UPDATE platform.roles SET permissions = '{READ_ACLS}' WHERE name = 'Narrowed'`;
    expect(await now()).toEqual([]);
    expect((await world.auth.listTokens(caller)).map((entry) => entry.permissions)).toEqual([[]]);
    await sql`UPDATE platform.roles SET permissions = '{*}' WHERE name = 'Narrowed'`;
    expect(await now()).toEqual(["READ_STREAMS"]);
  });

  it("may be made to do nothing at all", async () => {
    const { token } = await world.auth.createToken(owner, { name: "nothing", permissions: [] });
    expect((await world.auth.authenticate(`Bearer ${token}`)).permissions.size).toBe(0);
  });

  it("is not given a permission that the caller lacks, or that does not exist", async () => {
    const create = (permissions: string[]) => world.auth.createToken(owner, { name: "t", permissions });
    await expect(create(["READ_ACLS", "WRITE_ACLS", "MANAGE_BACKUPS"])).rejects.toMatchObject({
      code: "FORBIDDEN",
      details: { missing: ["WRITE_ACLS", "MANAGE_BACKUPS"] },
    });
    await expect(create(["READ_FLOPPIES"])).rejects.toMatchObject({ code: "BAD_INPUT" });
    await expect(create(["*"])).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("makes no token that may more than itself, or lives longer", async () => {
    const expiresAt = inHours(1);
    const { token } = await world.auth.createToken(owner, {
      name: "narrow",
      permissions: ["READ_STREAMS"],
      expiresAt,
    });
    const narrow = await world.auth.authenticate(`Bearer ${token}`);
    const ask = (request: { permissions?: string[]; expiresAt?: Date }) =>
      world.auth.createToken(narrow, { name: "child", ...request });

    await expect(ask({ permissions: ["READ_ACLS"] })).rejects.toMatchObject({
      code: "FORBIDDEN",
      details: { missing: ["READ_ACLS"] },
    });
    await expect(ask({ expiresAt: inHours(2) })).rejects.toMatchObject({ code: "FORBIDDEN" });

    const child = await ask({});
    expect(child.accessToken).toMatchObject({ permissions: ["READ_STREAMS"], expiresAt });
    const caller = await world.auth.authenticate(`Bearer ${child.token}`);
    expect([...caller.permissions]).toEqual(["READ_STREAMS"]);
    await world.ledger
      .sql`UPDATE platform.roles SET permissions = permissions || '{READ_ALERTS}' WHERE name = 'Owner'`;
    const later = await world.auth.authenticate(`Bearer ${child.token}`);
    expect([...later.permissions]).toEqual(["READ_STREAMS"]);
  });

  it("wants a name that can be read", async () => {
    for (const name of ["", "   ", "x".repeat(101), "nul\0", "two\nlines", "\ud800"])
      await expect(world.auth.createToken(owner, { name })).rejects.toMatchObject({ code: "BAD_INPUT" });
  });

  it("does not expire before it is made", async () => {
    for (const expiresAt of [inHours(-1), new Date(Number.NaN)])
      await expect(world.auth.createToken(owner, { name: "t", expiresAt })).rejects.toMatchObject({
        code: "BAD_INPUT",
      });
  });

  it("is refused when it has expired, and not when it never does", async () => {
    const { token, accessToken } = await world.auth.createToken(owner, { name: "t", expiresAt: inHours(1) });
    await expect(world.auth.authenticate(`Bearer ${token}`)).resolves.toHaveProperty("username");
    const setExpiry = (at: string) =>
      world.ledger.sql`UPDATE platform.tokens SET expires_at = ${at} WHERE id = ${accessToken.id}`;
    await setExpiry("2026-01-01Z");
    await expect(world.auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      message: "The token has expired.",
    });
    await setExpiry("infinity");
    await expect(world.auth.authenticate(`Bearer ${token}`)).resolves.toMatchObject({ expiresAt: null });
  });

  it("is refused while its owner is disabled", async () => {
    await world.addUser("paused");
    const caller = await world.auth.authenticate(await world.session("paused"));
    const { token } = await world.auth.createToken(caller, { name: "t" });
    await world.ledger.sql`UPDATE platform.users SET disabled = true WHERE username = 'paused'`;
    await expect(world.auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject({
      code: "UNAUTHENTICATED",
      message: "The account is disabled.",
    });
  });

  it("has its last use noted, once a minute at most, and not in the table that is backed up", async () => {
    const { sql } = world.ledger;
    const { token, accessToken } = await world.auth.createToken(owner, { name: "used" });
    const rowBefore = await sql`SELECT xmin::text, * FROM platform.tokens WHERE id = ${accessToken.id}`;
    const lastUse = async () =>
      (await world.auth.listTokens(owner)).find((entry) => entry.id === accessToken.id)?.lastUsedAt;
    expect(await lastUse()).toBeNull();
    await world.auth.authenticate(`Bearer ${token}`);
    const first = await lastUse();
    expect(first).toBeInstanceOf(Date);
    await world.auth.authenticate(`Bearer ${token}`);
    expect(await lastUse()).toEqual(first);

    await sql`UPDATE holdfast.token_uses SET last_used_at = now() - interval '61 seconds' WHERE token_id = ${accessToken.id}`;
    const before = await lastUse();
    await Promise.all(Array.from({ length: 4 }, () => world.auth.authenticate(`Bearer ${token}`)));
    expect((await lastUse())?.getTime()).toBeGreaterThan((before?.getTime() ?? Infinity) + 60_000);
    expect(await sql`SELECT xmin::text, * FROM platform.tokens WHERE id = ${accessToken.id}`).toEqual(
      rowBefore,
    );
  });
});

describe("listing tokens", () => {
  it("shows the caller's own and nobody else's, the newest first, and never their text", async () => {
    await world.addUser("lister", { roles: { Lister: ["READ_ACLS"] } });
    const caller = await world.auth.authenticate(await world.session("lister"));
    const first = await world.auth.createToken(caller, { name: "first", expiresAt: inHours(5) });
    // Those of one millisecond have no order.
    await sleep(2);
    const second = await world.auth.createToken(caller, { name: "second", permissions: [] });
    const listed = await world.auth.listTokens(caller);
    expect(listed).toEqual([second.accessToken, first.accessToken]);
    expect(JSON.stringify(listed)).not.toContain("hf_");
  });
});

describe("revoking a token", () => {
  const refused = { code: "UNAUTHENTICATED", message: "The token is unknown; it may have been revoked." };

  it("ends it at once, and is audited", async () => {
    const { token, accessToken } = await world.auth.createToken(owner, { name: "leaked" });
    await world.auth.authenticate(`Bearer ${token}`);
    await world.auth.revokeToken(owner, accessToken.id, { address: "192.0.2.4" });
    await expect(world.auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject(refused);
    expect(
      await world.ledger.sql`SELECT FROM holdfast.token_uses WHERE token_id = ${accessToken.id}`,
    ).toHaveLength(0);
    expect(
      await world.ledger.sql`
        SELECT actor, action, host(ip) AS ip, details->>'name' AS name FROM platform.audit_logs
        WHERE target = ${`token:${accessToken.id}`} ORDER BY id`,
    ).toEqual([
      { actor: "owner", action: "token.created", ip: null, name: "leaked" },
      { actor: "owner", action: "token.revoked", ip: "192.0.2.4", name: "leaked" },
    ]);
    await expect(world.auth.revokeToken(owner, accessToken.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("of another takes WRITE_ACLS; without it the token is not even there", async () => {
    const { token, accessToken } = await world.auth.createToken(owner, { name: "hers" });
    await expect(world.auth.revokeToken(visitor, accessToken.id)).rejects.toMatchObject({
      code: "NOT_FOUND",
    });
    await expect(world.auth.authenticate(`Bearer ${token}`)).resolves.toHaveProperty("username", "owner");

    await world.addUser("manager", { roles: { Manager: ["WRITE_ACLS"] } });
    const manager = await world.auth.authenticate(await world.session("manager"));
    await world.auth.revokeToken(manager, accessToken.id);
    await expect(world.auth.authenticate(`Bearer ${token}`)).rejects.toMatchObject(refused);
  });

  it("by a token that may not do all that its owner may takes away that one, and those that may do no more", async () => {
    await world.addUser("two", { roles: { Two: ["READ_ACLS", "READ_STREAMS"] } });
    const session = await world.auth.authenticate(await world.session("two"));
    const make = (permissions?: string[]) => world.auth.createToken(session, { name: "t", permissions });
    const [all, wide, narrow, other] = [
      await make(),
      await make(["READ_ACLS", "READ_STREAMS"]),
      await make(["READ_ACLS"]),
      await make(["READ_ACLS"]),
    ];
    const caller = await world.auth.authenticate(`Bearer ${narrow.token}`);
    for (const { accessToken } of [all, wide])
      await expect(world.auth.revokeToken(caller, accessToken.id)).rejects.toMatchObject({
        code: "NOT_FOUND",
      });
    for (const { accessToken } of [other, narrow]) await world.auth.revokeToken(caller, accessToken.id);
    await expect(world.auth.authenticate(`Bearer ${narrow.token}`)).rejects.toMatchObject(refused);
    expect(await world.auth.listTokens(session)).toHaveLength(2);
  });

  it("of an id that is none finds nothing", async () => {
    await expect(world.auth.revokeToken(owner, "' OR true --")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});

it("refuses a token that nobody was given", async () => {
  await expect(world.auth.authenticate(`Bearer pat:hf_${"A".repeat(43)}`)).rejects.toMatchObject({
    code: "UNAUTHENTICATED",
    status: 401,
  });
});
