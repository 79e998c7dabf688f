import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listAudit, recordAudit } from "../../src/auth/audit.ts";
import { createWorld, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world[Symbol.asyncDispose]());

describe("the audit log", () => {
  it("is read from the newest back, page by page, each entry once, also while more is written", async () => {
    const { db, sql } = world.ledger;
    await sql`INSERT INTO platform.audit_logs (action, at) SELECT 'act.' || n, now() - n * interval '1 hour'
      FROM generate_series(1, 25) n`;
    const seen: string[] = [];
    let after: string | undefined;
    for (;;) {
      const page = await listAudit(db, { first: 10, after });
      seen.push(...page.entries.map((entry) => entry.action));
      after = page.entries.at(-1)?.id;
      if (!page.hasNextPage) break;
      await recordAudit(db, { actor: null, action: "late" });
    }
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `act.${25 - index}`));
    expect(await listAudit(db, { first: 10, after })).toEqual({ entries: [], hasNextPage: false });
  });

  it("keeps who, what, from where and the particulars", async () => {
    const { db, sql } = world.ledger;
    await recordAudit(db, {
      actor: "zoë",
      action: "restore.started",
      target: "backup:1",
      address: "2001:db8::1",
      details: { mode: "MERGE", entities: ["USERS"] },
    });
    const { entries } = await listAudit(db, { first: 1 });
    expect(entries).toEqual([
      {
        id: expect.stringMatching(/^\d+$/),
        at: expect.any(Date),
        actor: "zoë",
        action: "restore.started",
        target: "backup:1",
        details: '{"mode": "MERGE", "entities": ["USERS"]}',
      },
    ]);
    expect(await sql`SELECT host(ip) AS ip FROM platform.audit_logs ORDER BY id DESC LIMIT 1`).toEqual([
      { ip: "2001:db8::1" },
    ]);
  });

  it.each(["unknown", "", "fe80::1%eth0", "10.0.0.1:443", null, undefined])(
    "has no address where %j is given",
    async (address) => {
      const { db, sql } = world.ledger;
      await recordAudit(db, { actor: null, action: "act", address });
      expect(await sql`SELECT ip FROM platform.audit_logs ORDER BY id DESC LIMIT 1`).toEqual([{ ip: null }]);
    },
  );

  it("says so when a cursor is none", async () => {
    for (const after of ["", "x", "-1", "1e3", "99999999999999999999", "1; DROP TABLE"])
      await expect(listAudit(world.ledger.db, { first: 1, after })).rejects.toMatchObject({
        code: "BAD_INPUT",
      });
  });

  it("has no entry of an act that did not happen", async () => {
    const { db, sql } = world.ledger;
    const act = db.transaction(async (tx) => {
      await recordAudit(tx, { actor: null, action: "never" });
      throw new Error("the act failed");
    });
    await expect(act).rejects.toThrow("the act failed");
    expect(await sql`SELECT FROM platform.audit_logs WHERE action = 'never'`).toHaveLength(0);
  });
});
