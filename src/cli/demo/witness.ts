// The demo's witness: looks at every table before, between and after, and lets PostgreSQL hash what is there.
// Rows that come later are told apart by the numbers that the database gives to them.
import type { Sql } from "postgres";
import { tableLabel, type TableName } from "../../core/catalog.ts";

export interface Rows {
  readonly count: number;
  /** Of the sum of the hashes of every row as text, so that the order of the rows has no part in it. */
  readonly fingerprint: string;
}

/** What became of a table. */
export interface Testimony {
  readonly table: TableName;
  /** The rows that were backed up: then, after the damage, and after the restore. */
  readonly before: Rows;
  readonly damaged: Rows;
  readonly restored: Rows;
  /** The rows that came after the backup: before the restore, and after it. */
  readonly later: Rows;
  readonly laterRestored: Rows;
}

/** To be called in this order. */
export interface Witness {
  seeBackedUp(): Promise<void>;
  seeDamaged(): Promise<void>;
  seeRestored(): Promise<Testimony[]>;
}

/** A column that the database numbers rows in, and the largest number of the moment. */
interface Mark {
  readonly column: string;
  readonly last: string;
}

interface Seen {
  readonly table: TableName;
  readonly mark: Mark | undefined;
  readonly rows: Rows;
}

interface SeenDamaged {
  readonly mark: Mark | undefined;
  readonly rows: Rows;
  readonly later: Rows;
}

const NO_ROWS: Rows = { count: 0, fingerprint: "" };

/** The statement behind every fingerprint; the demo shows it, for whoever wants to check. */
export function fingerprintStatement(table: string, condition: string): string {
  return `SELECT count(*)::int,
  md5(sum(hashtextextended(t::text, 0))::text) AS fingerprint
FROM ${table} t WHERE ${condition}`;
}

export function createWitness(sql: Sql, tables: readonly TableName[]): Witness {
  const backedUp = new Map<TableName, Seen>();
  const damaged = new Map<TableName, SeenDamaged>();
  return {
    async seeBackedUp() {
      for (const table of tables) {
        const mark = await readMark(sql, table);
        backedUp.set(table, { table, mark, rows: await readRows(sql, table, upTo(mark)) });
      }
    },
    async seeDamaged() {
      for (const { table, mark } of backedUp.values()) {
        const until = await readMark(sql, table);
        const rows = await readRows(sql, table, upTo(mark));
        damaged.set(table, { mark: until, rows, later: await readBetween(sql, table, mark, until) });
      }
    },
    async seeRestored() {
      const testimonies: Testimony[] = [];
      for (const { table, mark, rows: before } of backedUp.values()) {
        const between = damaged.get(table) ?? { mark, rows: before, later: NO_ROWS };
        testimonies.push({
          table,
          before,
          damaged: between.rows,
          restored: await readRows(sql, table, upTo(mark)),
          later: between.later,
          laterRestored: await readBetween(sql, table, mark, between.mark),
        });
      }
      return testimonies;
    },
  };
}

async function readMark(sql: Sql, table: TableName): Promise<Mark | undefined> {
  const [numbered] = await sql<{ column: string }[]>`
    SELECT column_name AS column FROM information_schema.columns
    WHERE table_schema = ${table.schema} AND table_name = ${table.name}
      AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')`;
  if (numbered === undefined) return undefined;
  const [largest] = await sql<{ last: string }[]>`
    SELECT coalesce(max(${sql(numbered.column)}), 0)::text AS last FROM ${sql(tableLabel(table))}`;
  return { column: quoted(numbered.column), last: largest?.last ?? "0" };
}

function upTo(mark: Mark | undefined): string {
  return mark === undefined ? "true" : `${mark.column} <= ${mark.last}`;
}

async function readBetween(
  sql: Sql,
  table: TableName,
  from: Mark | undefined,
  until: Mark | undefined,
): Promise<Rows> {
  if (from === undefined || until === undefined) return NO_ROWS;
  return readRows(sql, table, `${from.column} > ${from.last} AND ${upTo(until)}`);
}

async function readRows(sql: Sql, table: TableName, condition: string): Promise<Rows> {
  const name = `${quoted(table.schema)}.${quoted(table.name)}`;
  const [rows] = await sql.unsafe<{ count: number; fingerprint: string | null }[]>(
    fingerprintStatement(name, condition),
  );
  return { count: rows?.count ?? 0, fingerprint: rows?.fingerprint ?? "" };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
