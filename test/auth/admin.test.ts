import { expect, it } from "vitest";
import { ensureAdmin } from "../../src/auth/admin.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { openLedger } from "../../src/ledger/connect.ts";
import { createWorld } from "./world.ts";

it("makes the first account with every permission, and tells the password that it made once", async () => {
  await using world = await createWorld();
  const { created, madePassword } = await ensureAdmin(world.ledger);
  expect(created).toBe(true);
  const { caller } = await world.auth.signIn("admin", madePassword ?? "");
  expect(caller.roles).toEqual(["Administrator"]);
  expect([...caller.permissions]).toEqual(platformCatalog.permissions);
  expect(await ensureAdmin(world.ledger)).toEqual({ created: false, madePassword: null });
});

it("takes the password that it is given, and does not tell it", async () => {
  await using world = await createWorld();
  expect(await ensureAdmin(world.ledger, { password: "given" })).toEqual({
    created: true,
    madePassword: null,
  });
  await expect(world.auth.signIn("admin", "given")).resolves.toHaveProperty("token");
});

it("changes nothing later: not the password, not a role that was narrowed, not an account that was deleted", async () => {
  await using world = await createWorld();
  const { sql } = world.ledger;
  await ensureAdmin(world.ledger, { password: "the first one" });
  await ensureAdmin(world.ledger, { password: "the second one" });
  await expect(world.auth.signIn("admin", "the first one")).resolves.toHaveProperty("token");

  await sql`DELETE FROM platform.users WHERE username = 'admin'`;
  await sql`UPDATE platform.roles SET permissions = '{READ_ACLS}'`;
  expect(await ensureAdmin(world.ledger)).toEqual({ created: false, madePassword: null });
  expect(await sql`SELECT FROM platform.users`).toHaveLength(0);
  expect(await sql`SELECT name, permissions FROM platform.roles`).toEqual([
    { name: "Administrator", permissions: ["READ_ACLS"] },
  ]);
});

it("makes one account when several servers start at once", async () => {
  await using world = await createWorld();
  const servers = Array.from({ length: 4 }, () => openLedger(world.url));
  const outcomes = await Promise.all(servers.map((server) => ensureAdmin(server)));
  await Promise.all(servers.map((server) => server.close()));
  const made = outcomes.filter((outcome) => outcome.created);
  expect(made).toHaveLength(1);
  expect(await world.ledger.sql`SELECT id FROM platform.users`).toEqual([{ id: "1" }]);
  expect(await world.ledger.sql`SELECT id FROM platform.roles`).toEqual([{ id: 1 }]);
  await expect(world.auth.signIn("admin", made[0]?.madePassword ?? "")).resolves.toHaveProperty("token");
});
