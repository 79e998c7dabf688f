// Looks at tables by name without copying anything: what stands under each name, and what would be in the way of
// backing it up or putting it back.
import { sql } from "drizzle-orm";
import { tableLabel, type TableName } from "../core/catalog.ts";
import * as catalog from "./catalog-queries.ts";
import { matchingKey } from "./introspect.ts";
import type { Session } from "./session.ts";

/** What stands under a name. */
export type SurveyedKind =
  | "table"
  | "nothing"
  | "a view"
  | "a materialised view"
  | "a foreign table"
  | "a sequence"
  | "an index"
  | "a composite type"
  | "a temporary table";

export interface SurveyedTable {
  readonly table: TableName;
  readonly kind: SurveyedKind;
  /** The partitioned tables that it is a part of, the nearest first. */
  readonly partitionOf: readonly TableName[];
  /** Partitions of it, or of their partitions, whose rows are on another server. */
  readonly foreignPartitions: readonly TableName[];
  /** The columns that rows can be matched by; empty: none. */
  readonly key: readonly string[];
  /** Tables that its foreign keys refer to, with the keys' names. */
  readonly refersTo: readonly { readonly table: TableName; readonly constraint: string }[];
  /** Whether policies would hide rows from the session's role. */
  readonly rowsAreHidden: boolean;
  readonly mayRead: boolean;
}

export interface Survey {
  /** In the order of the names. */
  readonly tables: readonly SurveyedTable[];
  /** Every ordinary or partitioned table that there is, if any name stands for none: what may have been meant. */
  readonly others: readonly TableName[];
  /** Tells whether two URLs lead to one database; undefined where the role may not know. */
  readonly identity: string | undefined;
}

const KINDS: Readonly<Record<string, SurveyedKind>> = {
  r: "table",
  p: "table",
  v: "a view",
  m: "a materialised view",
  f: "a foreign table",
  S: "a sequence",
  i: "an index",
  I: "an index",
  c: "a composite type",
};
/** More than anybody's tables, and less than memory minds. */
const OTHERS_MAX = 20_000;

/** What is being altered is not waited for longer than this: PostgreSQL locks a table to print its expressions. */
const LOCK_TIMEOUT = "2s";

/** A fixed number of queries, however many names there are. @throws HoldfastError TABLE_LOCKED, and as {@link Session} */
export async function surveyTables(session: Session, names: readonly TableName[]): Promise<Survey> {
  await session.query(sql`SET lock_timeout = ${sql.raw(`'${LOCK_TIMEOUT}'`)}`);
  const found = new Map(
    (await session.rows<catalog.RelationRow>(catalog.relations(names))).map((row) => [keyOf(row), row]),
  );
  const oids = [...found.values()].map((row) => row.oid);
  const grouped = async <Row extends { table: number }>(statement: Parameters<Session["rows"]>[0]) =>
    Map.groupBy(await session.rows<Row>(statement), (row) => row.table);
  const columns = await grouped<catalog.ColumnRow>(catalog.columns(oids));
  const uniqueKeys = await grouped<catalog.UniqueKeyRow>(catalog.uniqueKeys(oids));
  const families = await grouped<FamilyRow>(family(oids));
  const foreignKeys = await grouped<catalog.ForeignKeyRow>(catalog.foreignKeys(oids));
  const tables = names.map((table): SurveyedTable => {
    const row = found.get(keyOf(table));
    if (row === undefined) return { table, ...NOTHING };
    const nullable = (columns.get(row.oid) ?? []).filter((column) => column.nullable);
    const [kin] = families.get(row.oid) ?? [];
    return {
      table,
      kind: row.persistence === "t" ? "a temporary table" : (KINDS[row.kind] ?? "nothing"),
      partitionOf: kin?.ancestors ?? [],
      foreignPartitions: kin?.foreign_leaves ?? [],
      key: matchingKey(uniqueKeys.get(row.oid) ?? [], new Set(nullable.map((column) => column.name))),
      refersTo: (foreignKeys.get(row.oid) ?? []).map((key) => ({
        table: { schema: key.to_schema, name: key.to_name },
        constraint: key.name,
      })),
      rowsAreHidden: row.rls_active,
      mayRead: row.may_select,
    };
  });
  const lost = tables.some(({ kind }) => kind === "nothing");
  return { tables, others: lost ? await listTables(session) : [], identity: await identify(session) };
}

/** The server's identifier is made when its files are, and the database's oid when that is created. */
async function identify(session: Session): Promise<string | undefined> {
  const [row] = await session.rows<{ allowed: boolean }>(
    sql`SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS allowed`,
  );
  if (row?.allowed !== true) return undefined;
  const [found] = await session.rows<{ identity: string }>(sql`
    SELECT format('%s/%s', (SELECT system_identifier FROM pg_control_system()), oid) AS identity
    FROM pg_database WHERE datname = current_database()`);
  return found?.identity;
}

const NOTHING = {
  kind: "nothing",
  partitionOf: [],
  foreignPartitions: [],
  key: [],
  refersTo: [],
  rowsAreHidden: false,
  mayRead: false,
} as const;

/** Without partitions: their parents are what is backed up. */
async function listTables(session: Session): Promise<TableName[]> {
  const rows = await session.rows<TableName>(sql`
    SELECT n.nspname::text AS schema, c.relname::text AS name
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence <> 't'
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
    ORDER BY n.nspname, c.relname LIMIT ${OTHERS_MAX}::int`);
  return rows.toSorted((a, b) => tableLabel(a).localeCompare(tableLabel(b), "en"));
}

interface FamilyRow {
  table: number;
  ancestors: TableName[];
  foreign_leaves: TableName[];
}

const named = sql`json_build_object('schema', n.nspname, 'name', k.relname)`;
const joined = sql`JOIN pg_class k ON k.oid = kin.relid JOIN pg_namespace n ON n.oid = k.relnamespace`;

function family(oids: readonly number[]) {
  return sql`
    SELECT c.oid AS table,
      coalesce((SELECT json_agg(${named} ORDER BY kin.distance)
        FROM pg_partition_ancestors(c.oid) WITH ORDINALITY AS kin(relid, distance) ${joined}
        WHERE c.relispartition AND k.oid <> c.oid), '[]') AS ancestors,
      coalesce((SELECT json_agg(${named} ORDER BY n.nspname, k.relname)
        FROM pg_partition_tree(c.oid) AS kin ${joined}
        WHERE c.relkind = 'p' AND kin.isleaf AND k.relkind = 'f'), '[]') AS foreign_leaves
    FROM ${catalog.wantedTables(oids)} JOIN pg_class c ON c.oid = wanted.oid`;
}

const keyOf = ({ schema, name }: TableName): string => JSON.stringify([schema, name]);
