// Leaves of an entity's staged rows those that selectors name, and those of its other tables that belong to them: rows that
// refer to a chosen row, and rows that refer to those, by the foreign keys that the backup knows.
import { sql, type SQL } from "drizzle-orm";
import type { ForeignKeyShape } from "../core/artifact.ts";
import type { TableName } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { describeSelector, type RowSelector } from "../core/row-selection.ts";
import { checkTexts, groupSelectors, isWanted, wantedRows } from "./chosen-values.ts";
import type { ForeignKeys } from "./foreign-keys.ts";
import { columnList } from "./quote.ts";
import { stagingOf, type RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";

export interface RowChoice {
  /** The entity's own table. Rows of it that refer to each other are not chosen for that. */
  readonly first: RestoredTable;
  readonly others: readonly RestoredTable[];
  /** Of the first table; a row that any of them names is chosen. */
  readonly selectors: readonly RowSelector[];
  /** Of the live tables: they know the operators. */
  readonly foreignKeys: ForeignKeys;
}

const NAMED_SELECTORS = 20;

/**
 * Deletes what was not chosen from the staging tables.
 * @returns how many rows each table has left
 * @throws as `Staging.choose`
 */
export async function chooseRows(
  session: Session,
  choice: RowChoice,
): Promise<ReadonlyMap<RestoredTable, number>> {
  const { first, others } = choice;
  const groups = await groupSelectors(session, first, choice.selectors);
  for (const group of groups) await checkTexts(session, first, group);
  return session.transaction(async () => {
    await session.query(
      "SET LOCAL work_mem = '256MB'; SET LOCAL hash_mem_multiplier = 1; SET LOCAL jit = off",
    );
    for (const table of [first, ...others])
      await session.query(sql`CREATE TEMPORARY TABLE ${chosenOf(table)} (place tid) ON COMMIT DROP`);
    const missing: RowSelector[] = [];
    for (const group of groups) {
      const found = sql`pg_temp.holdfast_found`;
      await session.query(sql`CREATE TEMPORARY TABLE ${found} ON COMMIT DROP AS
        WITH wanted AS MATERIALIZED (SELECT * FROM ${wantedRows(group)} AS texts)
        SELECT wanted.n, staged.ctid AS place FROM wanted JOIN ${stagingOf(first)} AS staged ON ${isWanted(group)}`);
      const rows = await session.rows<{ n: number }>(sql`SELECT DISTINCT n FROM ${found}`);
      const numbers = new Set(rows.map(({ n }) => n));
      missing.push(...group.selectors.flatMap(({ selector }, n) => (numbers.has(n) ? [] : selector)));
      await session.query(sql`INSERT INTO ${chosenOf(first)}
        SELECT DISTINCT place FROM ${found} EXCEPT SELECT place FROM ${chosenOf(first)}`);
      await session.query(sql`DROP TABLE ${found}`);
      await session.query(sql`ANALYZE ${chosenOf(first)}`);
    }
    if (missing.length > 0) throw notInBackup(missing);
    await chooseBelonging(session, choice);
    const left = new Map<RestoredTable, number>();
    for (const table of [first, ...others]) left.set(table, await keepChosen(session, table));
    return left;
  });
}

/** Where a table's chosen rows stand. Only for the transaction. */
function chosenOf(table: RestoredTable): SQL {
  return sql`pg_temp.${sql.identifier(`holdfast_chosen_${table.number}`)}`;
}

/** Goes on until nothing is added: references may lead through several tables, and in circles. */
async function chooseBelonging(session: Session, choice: RowChoice): Promise<void> {
  const { first, others, foreignKeys } = choice;
  const byName = new Map([first, ...others].map((table) => [nameKey(table.backup), table]));
  const steps = others.flatMap((child) =>
    child.backup.foreignKeys.flatMap((key) => {
      const parent = byName.get(nameKey(key.references));
      const columns = key.columns.map((name) => [child, name] as const);
      const targets = key.referencedColumns.map((name) => [parent, name] as const);
      const known = [...columns, ...targets].every(([table, name]) => table?.stagedColumns.has(name));
      return parent === undefined || !known ? [] : [{ child, parent, key }];
    }),
  );
  for (let added = true; added;) {
    added = false;
    for (const { child, parent, key } of steps) {
      const count = await session.query(sql`INSERT INTO ${chosenOf(child)}
        SELECT child.ctid FROM ${stagingOf(child)} AS child
        WHERE NOT EXISTS (SELECT FROM ${chosenOf(child)} AS known WHERE known.place = child.ctid) AND EXISTS (
          SELECT FROM ${chosenOf(parent)} AS chosen JOIN ${stagingOf(parent)} AS parent ON parent.ctid = chosen.place
          WHERE ${refers(key, child, foreignKeys)})`);
      if (count === 0) continue;
      added = true;
      await session.query(sql`ANALYZE ${chosenOf(child)}`);
    }
  }
}

/** A label would take `"a.b"."c"` for `"a"."b.c"`. */
const nameKey = ({ schema, name }: TableName): string => JSON.stringify([schema, name]);

/** By the operators of the live foreign key, where there still is one. */
function refers(key: ForeignKeyShape, child: RestoredTable, { outgoing, incoming }: ForeignKeys): SQL {
  const live = [...outgoing, ...incoming].find(
    ({ from, columns }) =>
      from.oid === child.live.oid &&
      columns.length === key.columns.length &&
      columns.every(
        ({ name, references }, place) =>
          name === key.columns[place] && references === key.referencedColumns[place],
      ),
  );
  const pairs = key.columns.map((name, place) => {
    const operator = sql.raw(live?.columns[place]?.operator ?? "=");
    const referenced = sql.identifier(key.referencedColumns[place] ?? "");
    return sql`parent.${referenced} ${operator} child.${sql.identifier(name)}`;
  });
  return sql.join(pairs, sql` AND `);
}

/** A table is emptied and filled again, which costs what is kept and not what goes. */
async function keepChosen(session: Session, table: RestoredTable): Promise<number> {
  const kept = sql`pg_temp.holdfast_chosen_rows`;
  const columns = columnList(table.columns);
  await session.query(sql`CREATE TEMPORARY TABLE ${kept} ON COMMIT DROP AS SELECT ${columns} FROM ${stagingOf(table)}
    WHERE ctid IN (SELECT place FROM ${chosenOf(table)})`);
  await session.query(sql`TRUNCATE ${stagingOf(table)}`);
  const rows = await session.query(
    table.columns.length === 0
      ? sql`INSERT INTO ${stagingOf(table)} SELECT FROM ${kept}`
      : sql`INSERT INTO ${stagingOf(table)} (${columns}) SELECT ${columns} FROM ${kept}`,
  );
  await session.query(sql`DROP TABLE ${kept}`);
  return rows;
}

function notInBackup(missing: readonly RowSelector[]): HoldfastError {
  const named = missing.slice(0, NAMED_SELECTORS).map(describeSelector);
  const more = missing.length > named.length ? `, and for ${missing.length - named.length} more` : "";
  return new HoldfastError(
    "ROWS_NOT_IN_BACKUP",
    `Nothing was changed: the backup holds no row for ${named.join(" and for ")}${more}.`,
    { details: { total: missing.length, selectors: named } },
  );
}
