import postgres from "postgres";
import { sql } from "drizzle-orm";
import { describe, expect, it } from "vitest";
import { identifyInstallation, migrateLedger, openLedger } from "../../src/ledger/connect.ts";
import { openLink } from "../faults/link.ts";
import { openPassage } from "../support/passage.ts";
import { createDatabase } from "../support/postgres.ts";
import { testLedger } from "./runs-fixture.ts";

it("migrates an empty database once, however many processes start at the same moment", async () => {
  await using database = await createDatabase();
  await Promise.all([1, 2, 3, 4].map(() => migrateLedger(database.url)));
  const sql = postgres(database.url, { max: 1 });
  const applied =
    await sql`select hash, count(*)::int as times from drizzle.__drizzle_migrations group by hash`;
  expect(applied.length).toBeGreaterThan(0);
  expect(applied.every(({ times }) => times === 1)).toBe(true);
  expect(await sql`select count(*)::int as runs from holdfast.runs`).toEqual([{ runs: 0 }]);
  await sql.end();
});

it("lets go of the lock when a migration fails", async () => {
  await using database = await createDatabase();
  await expect(migrateLedger(database.url, "/nowhere")).rejects.toThrow("journal");
  await migrateLedger(database.url);
});

it("gives every database an id of its own, the same for all who ask", async () => {
  await using first = await createDatabase({ migrated: true });
  await using second = await createDatabase({ migrated: true });
  const ids = await Promise.all([1, 2, 3].map(() => identifyInstallation(testLedger(first.url))));
  expect(new Set(ids).size).toBe(1);
  expect(await identifyInstallation(testLedger(second.url))).not.toBe(ids[0]);
});

describe("a connection that is lost in a transaction", () => {
  it.each(["while a statement runs", "between two statements", "before COMMIT"])(
    "%s ends the transaction and nothing else",
    async (when) => {
      await using database = await createDatabase({ migrated: true });
      const passage = await openPassage(database.url);
      const { db } = testLedger(passage.url);
      const lost = Promise.withResolvers<void>();
      const transaction = db.transaction(async (tx) => {
        await tx.execute(sql`select 1`);
        if (when === "while a statement runs")
          await Promise.all([tx.execute(sql`select pg_sleep(60)`), passage.cut()]);
        await passage.cut();
        await lost.promise;
        if (when === "between two statements") await tx.execute(sql`select 1`);
      });
      transaction.catch(() => lost.resolve());
      await expect(transaction).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
      await passage.mend();
      expect(await db.transaction((tx) => tx.execute(sql`select 1 as one`))).toEqual([{ one: 1 }]);
    },
  );

  it("while a statement behind a savepoint runs ends the transaction and nothing else", async () => {
    await using database = await createDatabase({ migrated: true });
    const passage = await openPassage(database.url);
    const { db } = testLedger(passage.url);
    const transaction = db.transaction((tx) =>
      tx.transaction((inner) => Promise.all([inner.execute(sql`select pg_sleep(60)`), passage.cut()])),
    );
    await expect(transaction).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
    await passage.mend();
    expect(await db.transaction((tx) => tx.execute(sql`select 1 as one`))).toEqual([{ one: 1 }]);
  });

  it("is told from what else fails in one, which is rolled back", async () => {
    await using database = await createDatabase({ migrated: true });
    const { db } = testLedger(database.url);
    const failing = db.transaction(async (tx) => {
      await tx.execute(sql`create table made (id int)`);
      throw new Error("of its own");
    });
    await expect(failing).rejects.toThrow("of its own");
    await expect(db.transaction((tx) => tx.execute(sql`select from made`))).rejects.toThrow("made");
  });
});

it("a transaction that goes no further is ended, and lets go of what it holds", async () => {
  await using database = await createDatabase({ migrated: true });
  const idle = openLedger(database.url, { idleTransactionMs: 200 });
  const other = openLedger(database.url);
  await identifyInstallation(other);
  const locked = Promise.withResolvers<void>();
  const holding = idle.db.transaction(async (tx) => {
    await tx.execute(sql`update holdfast.installation set id = id`);
    locked.resolve();
    await new Promise<never>(() => undefined);
  });
  const outcome = expect(holding).rejects.toMatchObject({ code: "CONNECTION_CLOSED" });
  await locked.promise;
  await other.db.execute(sql`update holdfast.installation set id = id`);
  await outcome;
  expect(await idle.db.transaction((tx) => tx.execute(sql`select 1 as one`))).toEqual([{ one: 1 }]);
  await Promise.all([idle.close(), other.close()]);
});

describe("connections that are reset", () => {
  const behindLink = async (url: string) => {
    const link = await openLink("ledger", { host: "127.0.0.1", port: Number(new URL(url).port) });
    const linked = new URL(url);
    linked.port = String(link.port);
    return { link, ledger: openLedger(linked.href, { maxConnections: 2 }) };
  };

  it("keep nobody waiting who asks again at once", async () => {
    await using database = await createDatabase();
    const { link, ledger } = await behindLink(database.url);
    await using _ = link;
    const watch = postgres(database.url, { max: 1 });
    const asked = Array.from({ length: 6 }, () =>
      ledger.sql`select pg_sleep(60)`.catch(() => ledger.sql`select 1 as one`),
    );
    await expect
      .poll(
        async () =>
          (
            await watch`select from pg_stat_activity where query like 'select pg_sleep%' and pid <> pg_backend_pid()`
          ).length,
      )
      .toBe(2);
    link.cut();
    const again = await Promise.allSettled(asked);
    expect(again.map(({ status }) => status)).toEqual(asked.map(() => "rejected"));
    link.mend();
    expect(await ledger.sql`select 1 as one`).toEqual([{ one: 1 }]);
    await Promise.all([ledger.close(), watch.end()]);
  });

  it("again and again, as soon as they are made, are made again once that is over", async () => {
    await using database = await createDatabase();
    const { link, ledger } = await behindLink(database.url);
    await using _ = link;
    link.cut();
    for (let round = 0; round < 3; round++)
      await Promise.allSettled([1, 2, 3, 4].map(() => ledger.sql`select 1`));
    link.mend();
    // A connection that can write no more would take ten seconds to say so, each time.
    const answers = await Promise.all([1, 2, 3, 4].map(() => ledger.sql`select 1 as one`));
    expect(answers.flat()).toEqual(answers.map(() => ({ one: 1 })));
    await ledger.close();
  });
});
