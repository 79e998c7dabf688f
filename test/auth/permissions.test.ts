import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { requirePermissions } from "../../src/auth/permissions.ts";
import { buildCatalog } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

async function permissionsOf(header: string): Promise<string[]> {
  return [...(await world.auth.authenticate(header)).permissions];
}

describe("what an account may do", () => {
  it("is what all its roles allow together, in the catalog's order", async () => {
    await world.addUser("two-roles", {
      roles: { A: ["WRITE_ALERTS", "READ_STREAMS"], B: ["READ_ACLS", "READ_STREAMS"] },
    });
    const caller = await world.auth.authenticate(await world.session("two-roles"));
    expect([...caller.permissions]).toEqual(["READ_ACLS", "WRITE_ALERTS", "READ_STREAMS"]);
    expect(caller.roles).toEqual(["A", "B"]);
  });

  it("is nothing without a role", async () => {
    await world.addUser("no-role");
    expect(await permissionsOf(await world.session("no-role"))).toEqual([]);
  });

  it("comes from its groups too, and from every group above them, but not from those below", async () => {
    const { sql } = world.ledger;
    const id = await world.addUser("member", { roles: { Own: ["READ_ALERTS"] } });
    await sql`INSERT INTO platform.groups (name) VALUES ('company'), ('division'), ('team'), ('squad')`;
    await sql`UPDATE platform.groups child SET parent_id = parent.id FROM platform.groups parent
      WHERE (child.name, parent.name) IN (('division', 'company'), ('team', 'division'), ('squad', 'team'))`;
    for (const [group, permission] of [
      ["company", "READ_SPACES"],
      ["division", "READ_TEMPLATES"],
      ["team", "READ_VARIABLES"],
      ["squad", "WRITE_VARIABLES"],
    ] as const) {
      await sql`
        WITH role AS (
          INSERT INTO platform.roles (name, permissions) VALUES (${`of ${group}`}, ${[permission]}) RETURNING id)
        INSERT INTO platform.group_roles (group_id, role_id)
        SELECT groups.id, role.id FROM role, platform.groups WHERE groups.name = ${group}`;
    }
    await sql`INSERT INTO platform.user_groups (user_id, group_id)
      SELECT ${id}::bigint, groups.id FROM platform.groups WHERE name = 'team'`;
    const session = await world.session("member");
    const ofTeam = ["READ_ALERTS", "READ_TEMPLATES", "READ_SPACES", "READ_VARIABLES"];
    expect(await permissionsOf(session)).toEqual(ofTeam);

    // Two groups that are above each other: a mistake, but no reason to hang.
    await sql`UPDATE platform.groups company SET parent_id = squad.id FROM platform.groups squad
      WHERE company.name = 'company' AND squad.name = 'squad'`;
    expect((await permissionsOf(session)).toSorted()).toEqual([...ofTeam, "WRITE_VARIABLES"].toSorted());
  });

  it("is everything in the catalog for a role with *, also in a catalog that has more", async () => {
    await world.addUser("root", { roles: { All: ["*"] } });
    const session = await world.session("root");
    expect(await permissionsOf(session)).toEqual(platformCatalog.permissions);

    const catalog = buildCatalog({
      PEOPLE: {
        CUSTOMERS: {
          label: "Customers",
          tables: [{ schema: "app", name: "customers" }],
          read: "READ_PEOPLE",
          write: "WRITE_PEOPLE",
        },
      },
    });
    const caller = await world.another({ catalog }).authenticate(session);
    expect([...caller.permissions]).toEqual([
      "READ_PEOPLE",
      "WRITE_PEOPLE",
      "MANAGE_BACKUPS",
      "RESTORE_UNTRUSTED",
    ]);
  });

  it("leaves out what the catalog does not know", async () => {
    await world.addUser("historic", { roles: { Historic: ["READ_FLOPPIES", "READ_ACLS"] } });
    expect(await permissionsOf(await world.session("historic"))).toEqual(["READ_ACLS"]);
  });

  it("changes with its roles at once, for the same session and the same token", async () => {
    const { sql } = world.ledger;
    await world.addUser("changing", { roles: { Changing: ["READ_ACLS"] } });
    const session = await world.session("changing");
    const { token } = await world.auth.createToken(await world.auth.authenticate(session), { name: "t" });
    for (const permissions of [["READ_ACLS"], ["READ_ACLS", "WRITE_ACLS"], [], ["READ_STREAMS"]]) {
      await sql`UPDATE platform.roles SET permissions = ${permissions} WHERE name = 'Changing'`;
      expect(await permissionsOf(session)).toEqual(permissions);
      expect(await permissionsOf(`Bearer ${token}`)).toEqual(permissions);
    }
    await sql`DELETE FROM platform.user_roles WHERE user_id = (SELECT id FROM platform.users WHERE username = 'changing')`;
    expect(await permissionsOf(`Bearer ${token}`)).toEqual([]);
  });
});

describe("requiring permissions", () => {
  const caller = (permissions: string[]) => ({
    userId: "1",
    username: "ada",
    roles: [],
    permissions: new Set(permissions),
  });

  it("passes a caller who has them all, and anybody where none is required", () => {
    const both = caller(["READ_ACLS", "WRITE_ACLS"]);
    expect(() => requirePermissions(both, ["WRITE_ACLS", "READ_ACLS"])).not.toThrow();
    expect(() => requirePermissions(caller([]), [])).not.toThrow();
  });

  it("names each one that is missing, once", () => {
    const attempt = () =>
      requirePermissions(caller(["READ_ALERTS"]), ["READ_ALERTS", "READ_ACLS", "WRITE_ACLS", "READ_ACLS"]);
    expect(attempt).toThrow(
      expect.objectContaining({
        code: "FORBIDDEN",
        status: 403,
        message: "ada lacks the permissions READ_ACLS, WRITE_ACLS.",
        details: { missing: ["READ_ACLS", "WRITE_ACLS"] },
      }),
    );
  });
});
