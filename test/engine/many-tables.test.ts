// More tables than a server has locks for, all in one restore: those that have not changed take up no room.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasPostgres15, startPostgres15, type OtherServer } from "../support/debian-postgres.ts";
import { openApplication, type Application, type StoredBackup } from "./application-fixture.ts";

const TABLES = Array.from({ length: 200 }, (_, n) => `app.t${n}`);

describe.runIf(hasPostgres15)(
  "hundreds of tables on a small server (where postgresql-15 is installed)",
  () => {
    let server: OtherServer;
    let app: Application;
    let stored: StoredBackup;

    /** A few tables at a time, or the tests themselves would want too many locks. */
    const each = async (statement: (table: string) => string): Promise<void> => {
      for (let start = 0; start < TABLES.length; start += 20) {
        const some = TABLES.slice(start, start + 20);
        await app.sql.unsafe(some.map(statement).join(";"));
      }
    };

    beforeAll(async () => {
      // Room for some hundreds of locks: each table that is compared takes six of them.
      server = await startPostgres15({
        max_connections: "12",
        max_locks_per_transaction: "24",
        max_wal_senders: "0",
      });
      app = await openApplication("create schema app", { TABLES }, { server: server.url });
      await each(
        (table) =>
          `create table ${table} (id int primary key, v text unique); insert into ${table} values (1, 'a')`,
      );
      stored = await app.backUp();
    }, 240_000);
    afterAll(async () => {
      await app[Symbol.asyncDispose]();
      await server.stop();
    });

    it("are backed up, and what differs is restored", { timeout: 240_000 }, async () => {
      const before = await app.hashes();
      await app.sql`update app.t7 set v = 'changed'`;
      await app.sql`delete from app.t199`;
      const preview = await app.restore(stored, { mode: "REPLACE", dryRun: true });
      const { changes } = await app.restore(stored, { mode: "REPLACE", expectPlan: preview.plan });
      expect(changes.filter(({ inserted, updated }) => inserted + updated > 0)).toHaveLength(2);
      expect(await app.hashes()).toEqual(before);
    });

    it("are refused with the setting to raise where all of them differ", { timeout: 240_000 }, async () => {
      await each((table) => `update ${table} set v = 'changed'`);
      const before = await app.hashes();
      await expect(app.restore(stored, { mode: "REPLACE" })).rejects.toMatchObject({
        code: "DATABASE_FAILED",
        hint: expect.stringContaining("max_locks_per_transaction"),
      });
      expect(await app.hashes()).toEqual(before);
    });
  },
);
