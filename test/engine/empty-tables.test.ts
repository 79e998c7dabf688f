// A large table that has lost all of its rows gets them back while the rest of them is still being read from the store.
import { expect, it } from "vitest";
import type { Store } from "../../src/store/store.ts";
import { openApplication, type Application, type StoredBackup } from "./application-fixture.ts";

/** The store, which looks at something before each of the artifact's parts is read. */
function watched(stored: StoredBackup, look: () => Promise<void>): StoredBackup {
  const get: Store["get"] = async function* (key, options) {
    if (key.includes("/parts/")) await look();
    yield* stored.store.get(key, options);
  };
  return { ...stored, store: { ...stored.store, get } };
}

/** What of its size is in the table's files, whoever can see it. */
async function pagesOf({ sql }: Application): Promise<number> {
  const [row] = await sql<{ pages: number }[]>`
    select (pg_relation_size('large') / current_setting('block_size')::int)::int as pages`;
  return row?.pages ?? 0;
}

const rowsOf = ({ sql }: Application) => sql`select id, md5(words) as words from large order by id`;

it("an empty table is filled while its rows are read, and seen when all of them are there", async () => {
  await using app = await openApplication(
    `create table large (id integer primary key, words text not null);
     insert into large select n, repeat('abcdefghij', 100000) from generate_series(1, 110) n;`,
    { LARGE: ["public.large"] },
  );
  const stored = await app.backUp();
  expect(stored.manifest.parts.length).toBeGreaterThan(3);
  const before = await rowsOf(app);
  const seen: { pages: number; rows: number }[] = [];
  const whileReading = watched(stored, async () => {
    const [row] = await app.sql<{ rows: number }[]>`select count(*)::int as rows from large`;
    seen.push({ pages: await pagesOf(app), rows: row?.rows ?? -1 });
  });

  await app.sql`truncate large`;
  await app.restore(whileReading, { dryRun: true });
  expect(seen.every(({ pages }) => pages === 0)).toBe(true);

  seen.length = 0;
  const { changes } = await app.restore(whileReading, { mode: "REPLACE" });
  expect(changes).toMatchObject([{ inserted: 110, updated: 0, deleted: 0 }]);
  expect(seen.at(-1)?.pages).toBeGreaterThan(0);
  expect(seen.every(({ rows }) => rows === 0)).toBe(true);
  expect(await rowsOf(app)).toEqual(before);
});
