// The questions asked of PostgreSQL's catalogs, each for all tables at once. They hold for PostgreSQL 13 to 18 and expect the
// session's search path to be pg_catalog, so that types and functions from elsewhere are printed with their schema.
import { sql, type SQL } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";

/**
 * The tables asked about, as rows to join with, in one parameter. (With `= ANY` a server that does not know the array when it plans
 * compares every row of a catalog with every one of thousands of oids.)
 */
export const wantedTables = (oids: readonly number[]): SQL =>
  sql`unnest(${`{${oids.join(",")}}`}::text::oid[]) AS wanted(oid)`;

export interface RelationRow extends TableName {
  oid: number;
  /** pg_class.relkind */
  kind: string;
  /** pg_class.relpersistence */
  persistence: string;
  /** Whether policies hold for the session's role. */
  rls_active: boolean;
  may_select: boolean;
}

export function relations(names: readonly TableName[]): SQL {
  const wanted = JSON.stringify(names.map(({ schema, name }) => ({ schema, name })));
  return sql`
    SELECT DISTINCT c.oid, n.nspname::text AS schema, c.relname::text AS name,
      c.relkind::text AS kind, c.relpersistence::text AS persistence,
      row_security_active(c.oid) AS rls_active, has_table_privilege(c.oid, 'SELECT') AS may_select
    FROM jsonb_to_recordset(${wanted}::jsonb) AS wanted(schema text, name text)
    JOIN pg_namespace n ON n.nspname = wanted.schema
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name`;
}

export interface ColumnRow {
  table: number;
  name: string;
  type: string;
  nullable: boolean;
  generated: string | null;
  identity: "ALWAYS" | "BY DEFAULT" | null;
  default: string | null;
  collation: string | null;
}

/** From PostgreSQL 18 on a NOT NULL constraint may be there without having been validated: such a column may hold nulls. */
export function columns(oids: readonly number[]): SQL {
  return sql`
    SELECT a.attrelid AS table, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
      NOT a.attnotnull OR EXISTS (SELECT FROM pg_constraint k
        WHERE k.conrelid = a.attrelid AND k.contype = 'n' AND k.conkey[1] = a.attnum AND NOT k.convalidated) AS nullable,
      CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END AS generated,
      CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' END AS identity,
      CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END AS default,
      CASE WHEN a.attcollation <> t.typcollation THEN (
        SELECT quote_ident(n.nspname) || '.' || quote_ident(o.collname)
        FROM pg_collation o JOIN pg_namespace n ON n.oid = o.collnamespace WHERE o.oid = a.attcollation) END AS collation
    FROM ${wantedTables(oids)}
    JOIN pg_attribute a ON a.attrelid = wanted.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    ORDER BY a.attrelid, a.attnum`;
}

export interface UniqueKeyRow {
  table: number;
  primary: boolean;
  /** Whether equal rows are refused at once, and equal means equal: not DEFERRABLE, and not WITHOUT OVERLAPS. */
  plain: boolean;
  columns: string[];
}

/** Unique indexes over columns and over all rows; the primary key first, and then the shortest. */
export function uniqueKeys(oids: readonly number[]): SQL {
  return sql`
    SELECT i.indrelid AS table, i.indisprimary AS primary, i.indimmediate AND NOT i.indisexclusion AS plain,
      (SELECT json_agg(a.attname ORDER BY k.position)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.position <= i.indnkeyatts) AS columns
    FROM ${wantedTables(oids)}
    JOIN pg_index i ON i.indrelid = wanted.oid AND i.indisunique AND i.indislive AND i.indisvalid AND i.indisready
      AND i.indexprs IS NULL AND i.indpred IS NULL
    JOIN pg_class c ON c.oid = i.indexrelid
    ORDER BY i.indrelid, NOT i.indisprimary, i.indnkeyatts, c.relname`;
}

export interface ForeignKeyRow {
  table: number;
  name: string;
  to_schema: string;
  to_name: string;
  columns: string[];
  referenced_columns: string[];
  enforced: boolean;
}

const names = (relation: SQL, numbers: SQL): SQL => sql`
  (SELECT json_agg(a.attname ORDER BY u.position) FROM unnest(${numbers}) WITH ORDINALITY AS u(attnum, position)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.attnum)`;

/** Foreign keys of the tables. Those that partitions have from their parents are left out, unless a partition is asked for. */
export function foreignKeys(oids: readonly number[]): SQL {
  return sql`
    SELECT k.conrelid AS table, k.conname::text AS name, n.nspname::text AS to_schema, t.relname::text AS to_name,
      ${names(sql`k.conrelid`, sql`k.conkey`)} AS columns, ${names(sql`k.confrelid`, sql`k.confkey`)} AS referenced_columns,
      k.convalidated AND coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)
        AND NOT coalesce((to_jsonb(k) ->> 'conperiod')::bool, false)
        AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_collation o ON o.oid = a.attcollation AND NOT o.collisdeterministic
          WHERE a.attrelid = k.confrelid AND a.attnum = ANY(k.confkey)) AS enforced
    FROM ${wantedTables(oids)}
    JOIN pg_class c ON c.oid = wanted.oid
    JOIN pg_constraint k ON k.conrelid = wanted.oid AND k.contype = 'f' AND (k.conparentid = 0 OR c.relispartition)
    JOIN pg_class t ON t.oid = k.confrelid
    JOIN pg_namespace n ON n.oid = t.relnamespace
    ORDER BY k.conrelid, k.conname`;
}

export interface SequenceRow extends TableName {
  table: number;
  column: string;
  last_value: string | null;
  increment: string;
  minimum: string;
  maximum: string;
  cycles: boolean;
}

/** Sequences owned by a column, and those that a default names. Their values are the present ones: sequences know no snapshot. */
export function sequences(oids: readonly number[]): SQL {
  return sql`
    SELECT d.table, a.attname::text AS column, n.nspname::text AS schema, c.relname::text AS name,
      CASE WHEN has_sequence_privilege(c.oid, 'SELECT,USAGE') THEN pg_sequence_last_value(c.oid)::text END AS last_value,
      s.seqincrement::text AS increment,
      s.seqmin::text AS minimum, s.seqmax::text AS maximum, s.seqcycle AS cycles
    FROM (
      SELECT d.refobjid AS table, d.refobjsubid AS attnum, d.objid AS sequence
      FROM ${wantedTables(oids)}
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = wanted.oid AND d.refobjsubid > 0
        AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      UNION
      SELECT f.adrelid, f.adnum, d.refobjid
      FROM ${wantedTables(oids)}
      JOIN pg_attrdef f ON f.adrelid = wanted.oid
      JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
    ) d
    JOIN pg_class c ON c.oid = d.sequence AND c.relkind = 'S'
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_sequence s ON s.seqrelid = c.oid
    JOIN pg_attribute a ON a.attrelid = d.table AND a.attnum = d.attnum
    ORDER BY d.table, a.attnum, n.nspname, c.relname`;
}

export interface LeafRow extends TableName {
  table: number;
  oid: number;
  /** pg_class.relkind */
  kind: string;
  heap: boolean;
  /** What the last VACUUM or ANALYZE counted; -1 (before version 14: 0) when there was none. */
  counted_rows: number;
  counted_pages: number;
  pages: number;
  /** With what is stored outside of the rows (TOAST). */
  size_bytes: number;
}

export function leaves(oids: readonly number[]): SQL {
  return sql`
    SELECT w.root AS table, c.oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
      coalesce(am.amname = 'heap', false) AS heap,
      c.reltuples AS counted_rows, c.relpages AS counted_pages,
      (size.main / current_setting('block_size')::int)::float8 AS pages,
      (size.main + coalesce(pg_relation_size(nullif(c.reltoastrelid, 0)), 0))::float8 AS size_bytes
    FROM (
      SELECT c.oid AS root, c.oid AS leaf
      FROM ${wantedTables(oids)} JOIN pg_class c ON c.oid = wanted.oid AND c.relkind <> 'p'
      UNION ALL
      SELECT c.oid, tree.relid
      FROM ${wantedTables(oids)} JOIN pg_class c ON c.oid = wanted.oid AND c.relkind = 'p',
        pg_partition_tree(c.oid) AS tree
      WHERE tree.isleaf
    ) w
    JOIN pg_class c ON c.oid = w.leaf
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_am am ON am.oid = c.relam
    CROSS JOIN LATERAL (SELECT coalesce(pg_relation_size(c.oid), 0) AS main) size
    ORDER BY w.root, n.nspname, c.relname`;
}
