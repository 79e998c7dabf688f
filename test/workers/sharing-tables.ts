// What the shared runs of tests are about: a table of some pages, and one of many.
import type postgres from "postgres";
import { buildCatalog } from "../../src/core/catalog.ts";

export const SECRET = "a secret of the tests' own, and long";

const table = (name: string) => ({ schema: "public", name });

export const sharedCatalog = buildCatalog({
  SHARED: {
    EVENTS: {
      label: "Events",
      tables: [table("events"), table("kinds")],
      read: "READ_EVENTS",
      write: "WRITE_EVENTS",
    },
  },
});

export async function makeSharedTables(sql: postgres.Sql): Promise<void> {
  await sql.unsafe(`
    create table public.kinds (id int primary key, name text not null);
    insert into public.kinds select n, 'kind ' || n from generate_series(1, 10) n;
    create table public.events (id int primary key, kind int not null references public.kinds, details text not null);
    insert into public.events select n, 1 + n % 10, repeat(md5(n::text), 10) from generate_series(1, 4000) n;
    analyze public.kinds, public.events`);
}
