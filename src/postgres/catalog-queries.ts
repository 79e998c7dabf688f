// The questions asked of PostgreSQL's catalogs, each for all tables at once. They hold for PostgreSQL 13 to 18 and expect the
// session's search path to be pg_catalog, so that types and functions from elsewhere are printed with their schema.
import { sql, type SQL } from "drizzle-orm";
import type { TableName } from "../core/catalog.ts";
import type { ReferentialAction, UserTrigger } from "./table-shape.ts";

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
  owner: string;
  rls_enabled: boolean;
  rls_forced: boolean;
  rls_active: boolean;
  may_select: boolean;
  may_insert: boolean;
  may_update: boolean;
  may_delete: boolean;
  may_truncate: boolean;
  may_alter: boolean;
}

export function relations(names: readonly TableName[]): SQL {
  const wanted = JSON.stringify(names.map(({ schema, name }) => ({ schema, name })));
  return sql`
    SELECT DISTINCT c.oid, n.nspname::text AS schema, c.relname::text AS name,
      c.relkind::text AS kind, c.relpersistence::text AS persistence,
      pg_get_userbyid(c.relowner)::text AS owner,
      c.relrowsecurity AS rls_enabled, c.relforcerowsecurity AS rls_forced,
      row_security_active(c.oid) AS rls_active,
      has_table_privilege(c.oid, 'SELECT') AS may_select, has_table_privilege(c.oid, 'INSERT') AS may_insert,
      has_table_privilege(c.oid, 'UPDATE') AS may_update, has_table_privilege(c.oid, 'DELETE') AS may_delete,
      has_table_privilege(c.oid, 'TRUNCATE') AS may_truncate, pg_has_role(c.relowner, 'USAGE') AS may_alter
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

export interface IndexRow {
  table: number;
  name: string;
  primary: boolean;
  valid: boolean;
  immediate: boolean;
  exclusion: boolean;
  /** Null when it is over an expression. */
  columns: string[] | null;
  predicate: string | null;
  definition: string;
  nulls_not_distinct: boolean;
}

/** `indnullsnotdistinct` is read from the row as JSON, because PostgreSQL has it only from version 15 on. */
export function uniqueIndexes(oids: readonly number[]): SQL {
  return sql`
    SELECT i.indrelid AS table, c.relname::text AS name, i.indisprimary AS primary,
      i.indisvalid AND i.indisready AS valid, i.indimmediate AS immediate, i.indisexclusion AS exclusion,
      CASE WHEN i.indexprs IS NULL THEN (
        SELECT json_agg(a.attname ORDER BY k.position)
        FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, position)
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
        WHERE k.position <= i.indnkeyatts) END AS columns,
      pg_get_expr(i.indpred, i.indrelid) AS predicate, pg_get_indexdef(i.indexrelid) AS definition,
      coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS nulls_not_distinct
    FROM ${wantedTables(oids)}
    JOIN pg_index i ON i.indrelid = wanted.oid AND i.indisunique AND i.indislive
    JOIN pg_class c ON c.oid = i.indexrelid
    ORDER BY i.indrelid, NOT i.indisprimary, i.indnkeyatts, c.relname`;
}

export interface ForeignKeyRow {
  /** The oids of both ends. */
  from: number;
  to: number;
  name: string;
  from_schema: string;
  from_name: string;
  to_schema: string;
  to_name: string;
  columns: string[];
  referenced_columns: string[];
  on_delete: ReferentialAction;
  on_update: ReferentialAction;
  deferrable: boolean;
  deferred: boolean;
  enforced: boolean;
}

const action = (column: "confdeltype" | "confupdtype"): SQL => sql`
  CASE k.${sql.raw(column)} WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
    WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END`;

const names = (relation: SQL, numbers: SQL): SQL => sql`
  (SELECT json_agg(a.attname ORDER BY u.position) FROM unnest(${numbers}) WITH ORDINALITY AS u(attnum, position)
    JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.attnum)`;

/** Foreign keys from or to the tables. Those that partitions have from their parents are left out, unless a partition is asked for. */
export function foreignKeys(oids: readonly number[]): SQL {
  return sql`
    SELECT k.conrelid AS from, k.confrelid AS to, k.conname::text AS name,
      fn.nspname::text AS from_schema, f.relname::text AS from_name,
      tn.nspname::text AS to_schema, t.relname::text AS to_name,
      ${names(sql`k.conrelid`, sql`k.conkey`)} AS columns, ${names(sql`k.confrelid`, sql`k.confkey`)} AS referenced_columns,
      ${action("confdeltype")} AS on_delete, ${action("confupdtype")} AS on_update,
      k.condeferrable AS deferrable, k.condeferred AS deferred,
      k.convalidated AND coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)
        AND NOT coalesce((to_jsonb(k) ->> 'conperiod')::bool, false)
        AND NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_collation o ON o.oid = a.attcollation AND NOT o.collisdeterministic
          WHERE a.attrelid = k.confrelid AND a.attnum = ANY(k.confkey)) AS enforced
    FROM (
      SELECT k.oid FROM ${wantedTables(oids)}
      JOIN pg_constraint k ON k.conrelid = wanted.oid JOIN pg_class c ON c.oid = wanted.oid
      WHERE k.contype = 'f' AND (k.conparentid = 0 OR c.relispartition)
      UNION
      SELECT k.oid FROM ${wantedTables(oids)}
      JOIN pg_constraint k ON k.confrelid = wanted.oid JOIN pg_class c ON c.oid = wanted.oid
      WHERE k.contype = 'f' AND (k.conparentid = 0 OR c.relispartition)
    ) found
    JOIN pg_constraint k ON k.oid = found.oid
    JOIN pg_class f ON f.oid = k.conrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
    JOIN pg_class t ON t.oid = k.confrelid JOIN pg_namespace tn ON tn.oid = t.relnamespace
    ORDER BY fn.nspname, f.relname, k.conname`;
}

export interface SequenceRow extends TableName {
  table: number;
  column: string;
  identity: boolean;
  last_value: string | null;
  start: string;
  increment: string;
  minimum: string;
  maximum: string;
  cycles: boolean;
}

/** Sequences owned by a column, and those that a default names. Their values are the present ones: sequences know no snapshot. */
export function sequences(oids: readonly number[]): SQL {
  return sql`
    SELECT d.table, a.attname::text AS column, n.nspname::text AS schema, c.relname::text AS name,
      bool_or(d.identity) AS identity,
      CASE WHEN has_sequence_privilege(c.oid, 'SELECT,USAGE') THEN pg_sequence_last_value(c.oid)::text END AS last_value,
      s.seqstart::text AS start, s.seqincrement::text AS increment,
      s.seqmin::text AS minimum, s.seqmax::text AS maximum, s.seqcycle AS cycles
    FROM (
      SELECT d.refobjid AS table, d.refobjsubid AS attnum, d.objid AS sequence, d.deptype = 'i' AS identity
      FROM ${wantedTables(oids)}
      JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = wanted.oid AND d.refobjsubid > 0
        AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      UNION ALL
      SELECT f.adrelid, f.adnum, d.refobjid, false
      FROM ${wantedTables(oids)}
      JOIN pg_attrdef f ON f.adrelid = wanted.oid
      JOIN pg_depend d ON d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid AND d.refclassid = 'pg_class'::regclass
    ) d
    JOIN pg_class c ON c.oid = d.sequence AND c.relkind = 'S'
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_sequence s ON s.seqrelid = c.oid
    JOIN pg_attribute a ON a.attrelid = d.table AND a.attnum = d.attnum
    GROUP BY d.table, a.attnum, a.attname, n.nspname, c.relname, c.oid, s.seqrelid, s.seqstart, s.seqincrement, s.seqmin,
      s.seqmax, s.seqcycle
    ORDER BY d.table, a.attnum, n.nspname, c.relname`;
}

export interface ExtraRow {
  table: number;
  exclusions: { name: string; definition: string }[];
  triggers: UserTrigger[];
  rules: string[];
  inherits_from: TableName[];
  inherited_by: TableName[];
}

const kin = (own: SQL, other: SQL): SQL => sql`
  coalesce((SELECT json_agg(json_build_object('schema', n.nspname, 'name', c.relname) ORDER BY n.nspname, c.relname)
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.${other} JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class child ON child.oid = i.inhrelid
    WHERE i.${own} = wanted.oid AND NOT child.relispartition), '[]')`;

/** What few tables have: exclusion constraints, triggers, rules, inheritance. */
export function extras(oids: readonly number[]): SQL {
  return sql`
    SELECT wanted.oid AS table,
      coalesce((SELECT json_agg(json_build_object('name', k.conname, 'definition', pg_get_constraintdef(k.oid)) ORDER BY k.conname)
        FROM pg_constraint k WHERE k.conrelid = wanted.oid AND k.contype = 'x'), '[]') AS exclusions,
      coalesce((SELECT json_agg(json_build_object('name', t.tgname, 'fires',
          CASE t.tgenabled WHEN 'O' THEN 'ORIGIN' WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' ELSE 'DISABLED' END) ORDER BY t.tgname)
        FROM pg_trigger t WHERE t.tgrelid = wanted.oid AND NOT t.tgisinternal), '[]') AS triggers,
      coalesce((SELECT json_agg(r.rulename ORDER BY r.rulename)
        FROM pg_rewrite r WHERE r.ev_class = wanted.oid AND r.ev_enabled <> 'D'), '[]') AS rules,
      ${kin(sql`inhrelid`, sql`inhparent`)} AS inherits_from, ${kin(sql`inhparent`, sql`inhrelid`)} AS inherited_by
    FROM ${wantedTables(oids)}`;
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
      (coalesce(pg_relation_size(c.oid), 0) / current_setting('block_size')::int)::float8 AS pages,
      coalesce(pg_table_size(c.oid), 0)::float8 AS size_bytes
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
    ORDER BY w.root, n.nspname, c.relname`;
}
