// Which rows need not be staged where only some of an entity are asked for, as far as that can be seen from their text.
import { sql } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";
import { filteredForm, type FieldTest, type RowFilter } from "../core/row-filter.ts";
import { checkTexts, groupSelectors, wantedRows } from "./chosen-values.ts";
import type { RowChoice } from "./choose-rows.ts";
import { stagingOf, type RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";
import { storedColumns } from "./table-shape.ts";

/** With more, looking them up costs what it saves. */
const MAX_VALUES = 100_000;

/**
 * What lets the rows pass that the selectors may name.
 * @returns undefined where their text does not tell
 * @throws BAD_INPUT as `chooseRows`
 */
export async function filterNamed(
  session: Session,
  { first, selectors }: Pick<RowChoice, "first" | "selectors">,
): Promise<RowFilter | undefined> {
  const groups = await groupSelectors(session, first, selectors);
  const tests: FieldTest[] = [];
  for (const group of groups) {
    await checkTexts(session, first, group);
    const telling = group.columns.findIndex(({ name }) => formOf(first, name) !== undefined);
    const column = group.columns[telling];
    if (column === undefined) return undefined;
    const value = sql.identifier(`c${telling + 1}`);
    const rows = await session.rows<{ value: string }>(
      sql`SELECT DISTINCT ${value}::text AS value FROM ${wantedRows(group)} AS wanted`,
    );
    tests.push(...testOf(first, column.name, rows));
  }
  return tests;
}

/**
 * What lets the rows pass that may belong to rows which are staged.
 * @param loaded tables of which everything is staged that is going to be
 * @returns undefined where their text does not tell
 */
export async function filterBelonging(
  session: Session,
  child: RestoredTable,
  entity: readonly RestoredTable[],
  loaded: ReadonlySet<RestoredTable>,
): Promise<RowFilter | undefined> {
  const tests: FieldTest[] = [];
  for (const key of child.backup.foreignKeys) {
    const parent = entity.find(({ backup }) => isSame(backup, key.references));
    if (parent === undefined) continue;
    // Rows may belong to others of their own table, which nobody knows yet.
    if (parent === child || !loaded.has(parent)) return undefined;
    const place = key.columns.findIndex((name, at) => {
      const referenced = key.referencedColumns[at] ?? "";
      const form = formOf(child, name);
      return form !== undefined && form === formOf(parent, referenced);
    });
    const [column, referenced] = [key.columns[place], key.referencedColumns[place]];
    if (column === undefined || referenced === undefined) return undefined;
    const rows = await session.rows<{ value: string }>(sql`
      SELECT DISTINCT ${sql.identifier(referenced)}::text AS value FROM ${stagingOf(parent)}
      WHERE ${sql.identifier(referenced)} IS NOT NULL LIMIT ${sql.raw(String(MAX_VALUES + 1))}`);
    if (rows.length > MAX_VALUES) return undefined;
    tests.push(...testOf(child, column, rows));
  }
  return tests;
}

const isSame = (one: TableName, other: TableName): boolean =>
  one.schema === other.schema && one.name === other.name;

/** Of a column that is now what it was when it was backed up; a collation of its own may take two texts for one. */
function formOf(table: RestoredTable, name: string) {
  const live = table.live.columns.find((column) => column.name === name);
  const backup = table.backup.columns.find((column) => column.name === name);
  if (live === undefined || live.type !== backup?.type || live.collation !== null) return undefined;
  return table.columns.includes(name) ? filteredForm(live.type) : undefined;
}

function testOf(
  table: RestoredTable,
  name: string,
  rows: readonly { readonly value: string }[],
): FieldTest[] {
  const form = formOf(table, name);
  const place = storedColumns(table.backup).indexOf(name);
  return form === undefined || place === -1
    ? []
    : [{ place, form, values: new Set(rows.map(({ value }) => value)) }];
}
