// The staging tables: one for each restored table, its columns of the live table's own types. Unlogged, for nothing is lost with them.
import { sql, type SQL } from "drizzle-orm";
import { columnList } from "./quote.ts";
import { liveOf, stagingOf, type RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";

/** Each table that is made takes a few entries of the server's lock table until its transaction ends. */
const CREATE_BATCH = 100;

export async function createStagingTables(session: Session, tables: readonly RestoredTable[]): Promise<void> {
  for (let start = 0; start < tables.length; start += CREATE_BATCH) {
    await session.transaction(async () => {
      for (const table of tables.slice(start, start + CREATE_BATCH)) {
        await session.query(createTable(table));
        const alterations = alterationsOf(table);
        if (alterations.length === 0) continue;
        await session.query(sql`ALTER TABLE ${stagingOf(table)} ${sql.join(alterations, sql`, `)}`);
      }
    });
  }
}

/** Autovacuum would only get in the way of whoever drops the table. */
function createTable(table: RestoredTable): SQL {
  return sql`CREATE UNLOGGED TABLE ${stagingOf(table)} WITH (autovacuum_enabled = false)
    AS SELECT ${columnList(table.columns)} FROM ${liveOf(table)} WITH NO DATA`;
}

/** A value that is missing where the live table wants one is found while loading, not while applying. */
function alterationsOf(table: RestoredTable): SQL[] {
  const required = table.live.columns.filter(
    (column) => !column.nullable && table.columns.includes(column.name),
  );
  return [
    ...required.map((column) => sql`ALTER COLUMN ${sql.identifier(column.name)} SET NOT NULL`),
    ...table.computed.map(
      ({ name, type, expression }) =>
        sql`ADD COLUMN ${sql.identifier(name)} ${sql.raw(type)} GENERATED ALWAYS AS (${sql.raw(expression)}) STORED`,
    ),
  ];
}
