// What selectors of rows mean in one table: their columns, and the texts that are compared as the columns' own types. Whatever
// a type reads as the same value is the same: 042 is 42, and a uuid may be in capitals.
import { closest } from "fastest-levenshtein";
import { sql, type SQL } from "drizzle-orm";
import postgres from "postgres";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { describeSelector, splitKey, type RowSelector } from "../core/row-selection.ts";
import { someNames } from "../core/some.ts";
import { literal, statementText, tableIdentifier } from "./quote.ts";
import type { RestoredTable } from "./restored-table.ts";
import type { Session } from "./session.ts";

/** Selectors that name the same columns, so that one query finds the rows of all of them. */
export interface SelectorGroup {
  readonly columns: readonly ChosenColumn[];
  readonly selectors: readonly SelectorValues[];
}

export interface SelectorValues {
  readonly selector: RowSelector;
  /** In the order of the group's columns. */
  readonly values: readonly string[];
}

interface ChosenColumn {
  readonly name: string;
  /** Without length or precision, which a cast would cut the text to; of a domain the type beneath it. */
  readonly type: string;
  /** `schema.name`, quoted; null where the type has none. */
  readonly collation: string | null;
  /** How two values are found to be equal. Types that have no equality (json, point) are compared as they are printed. */
  readonly equality: "OPERATOR" | "RECORD" | "TEXT";
}

/** @throws BAD_INPUT for a column that the table does not have, or a key that is none of its keys */
export async function groupSelectors(
  session: Session,
  table: RestoredTable,
  selectors: readonly RowSelector[],
): Promise<SelectorGroup[]> {
  const known = new Map((await readColumns(session, table)).map((column) => [column.name, column]));
  const groups = new Map<string, { columns: ChosenColumn[]; selectors: SelectorValues[] }>();
  for (const selector of selectors) {
    const named = [
      ...keyColumns(table, selector),
      ...selector.match.map(({ column, equals }) => [column, equals] as const),
    ];
    const columns = named.map(([name]) => known.get(name) ?? refuseColumn(table, selector, name));
    const signature = JSON.stringify(columns.map(({ name }) => name));
    const group = groups.get(signature) ?? { columns, selectors: [] };
    group.selectors.push({ selector, values: named.map(([, value]) => value) });
    groups.set(signature, group);
  }
  return [...groups.values()];
}

function keyColumns(
  table: RestoredTable,
  selector: RowSelector,
): (readonly [column: string, value: string])[] {
  const { key } = selector;
  if (key === undefined) return [];
  const label = tableLabel(table.live);
  const name = selector.entity.toLowerCase();
  if (table.key.length === 0) {
    throw new HoldfastError(
      "BAD_INPUT",
      `${describeSelector(selector)}: ${label} has no key to choose rows by.`,
      {
        hint: `Choose them by their columns: ${name}:column=value.`,
      },
    );
  }
  const values = splitKey(key, table.key.length);
  if (values === undefined) {
    const columns = table.key.join(",");
    throw new HoldfastError(
      "BAD_INPUT",
      `${describeSelector(selector)}: the key of ${label} has the columns ${columns}.`,
      {
        hint: `Give a value for each, with commas between them; or name columns: ${name}:${table.key[0] ?? ""}=...`,
      },
    );
  }
  return table.key.map((column, place) => [column, values[place] ?? ""]);
}

function refuseColumn(table: RestoredTable, selector: RowSelector, name: string): never {
  const label = tableLabel(table.live);
  const generated = table.backup.columns.some((column) => column.name === name && column.generated !== null);
  const reason = generated
    ? `${label} computes the column ${name}, and the backup has no values for it`
    : `${label} has no column ${name}`;
  const nearest = closest(name, table.columns);
  const question = generated ? "" : `Did you mean ${nearest}? `;
  throw new HoldfastError("BAD_INPUT", `${describeSelector(selector)}: ${reason}.`, {
    hint: `${question}Its columns are ${someNames(table.columns)}.`,
    details: { table: label, column: name, columns: table.columns },
  });
}

/** The columns of the staging table, which has the live table's types. */
async function readColumns(session: Session, table: RestoredTable): Promise<ChosenColumn[]> {
  const relation = literal(statementText(tableIdentifier(table.staging)));
  const rows = await session.rows<ChosenColumn>(sql`
    WITH RECURSIVE beneath AS (
      SELECT a.attname AS name, a.attcollation AS collation, t.*
      FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = ${relation}::regclass AND a.attnum > 0 AND NOT a.attisdropped
      UNION ALL
      SELECT beneath.name, beneath.collation, t.* FROM beneath JOIN pg_type t ON t.oid = beneath.typbasetype
      WHERE beneath.typtype = 'd')
    SELECT c.name::text AS name, format_type(c.oid, -1) AS type,
      (SELECT format('%I.%I', n.nspname, o.collname) FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace
        WHERE o.oid = c.collation) AS collation,
      CASE WHEN c.typtype NOT IN ('e', 'r', 'm') AND NOT EXISTS (
          SELECT FROM pg_opclass o WHERE o.opcdefault AND o.opcmethod IN (SELECT m.oid FROM pg_am m WHERE m.amname IN ('btree', 'hash'))
            AND (o.opcintype = element.oid OR EXISTS (SELECT FROM pg_cast k WHERE k.castsource = element.oid
              AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i'))) THEN 'TEXT'
        WHEN c.typnamespace = 'pg_catalog'::regnamespace AND c.typtype = 'b' THEN 'OPERATOR' ELSE 'RECORD' END AS equality
    FROM beneath c
    CROSS JOIN LATERAL (SELECT CASE WHEN c.typcategory = 'A' THEN c.typelem ELSE c.oid END AS oid) AS element
    WHERE c.typtype <> 'd'`);
  return rows.filter(({ name }) => table.columns.includes(name));
}

/**
 * @throws BAD_INPUT for the first text that its column's type does not read
 */
export async function checkTexts(
  session: Session,
  table: RestoredTable,
  group: SelectorGroup,
): Promise<void> {
  const { selectors, columns } = group;
  if (await isReadable(session, sql`SELECT (wanted)::text FROM ${wantedRows(group)} AS wanted`)) return;
  for (const { selector, values } of selectors) {
    for (const [place, { name, type }] of columns.entries()) {
      const value = values[place] ?? "";
      if (await isReadable(session, sql`SELECT (${value}::text::${sql.raw(type)})::text`)) continue;
      const message = `${describeSelector(selector)}: ${JSON.stringify(value)} is no value of type ${type}, which ${name} of ${tableLabel(table.live)} has.`;
      throw new HoldfastError("BAD_INPUT", message, {
        hint: "Write the value as PostgreSQL prints it.",
        details: { table: tableLabel(table.live), column: name, type },
      });
    }
  }
}

/** Whether the server refuses what it is given, and not the work or the connection. */
async function isReadable(session: Session, statement: SQL): Promise<boolean> {
  try {
    await session.rows(statement);
    return true;
  } catch (error) {
    const refusal = error instanceof HoldfastError ? error.cause : error;
    if (!(refusal instanceof postgres.PostgresError) || /^(08|53|57|58|XX)/.test(refusal.code)) throw error;
    return false;
  }
}

/** A subquery of the group's texts as values: `n` counts the selectors from 0, `c1`, `c2`, ... are the columns. */
export function wantedRows({ selectors, columns }: SelectorGroup): SQL {
  const texts = JSON.stringify(selectors.map(({ values }) => values));
  const values = columns.map(
    ({ type }, place) =>
      sql`(item.texts ->> ${sql.raw(String(place))})::${sql.raw(type)} AS ${sql.identifier(`c${place + 1}`)}`,
  );
  return sql`(SELECT (item.place - 1)::int AS n, ${sql.join(values, sql`, `)}
    FROM jsonb_array_elements(${texts}::text::jsonb) WITH ORDINALITY AS item (texts, place))`;
}

/** That the row `staged` is the one that `wanted` names. */
export function isWanted({ columns }: SelectorGroup): SQL {
  const tests = columns.map(({ name, type, collation, equality }, place) => {
    const collate = collation === null ? sql.empty() : sql.raw(` COLLATE ${collation}`);
    const staged = sql`(staged.${sql.identifier(name)}::${sql.raw(type)}${collate})`;
    const wanted = sql`(wanted.${sql.identifier(`c${place + 1}`)}${collate})`;
    if (equality === "OPERATOR") return sql`${staged} = ${wanted}`;
    if (equality === "TEXT") return sql`${staged}::text = ${wanted}::text`;
    return sql`ROW(${staged})::record = ROW(${wanted})::record`;
  });
  return sql.join(tests, sql` AND `);
}
