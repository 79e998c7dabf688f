// Looks at all of a database's schemas but the system's own: a fixed number of queries, however many tables there are.
import { sql, type SQL } from "drizzle-orm";
import { isHoldfastError } from "../core/errors.ts";
import type { Inventory, InventoryReference, InventoryRelation } from "../core/inventory.ts";
import type { Session } from "./session.ts";

/** Reading a file's size waits for whoever has the table to himself. */
const LOCK_TIMEOUT = "2s";

/** What people have made, and what extensions have. Temporary tables of any session are in schemas of their own. */
const RELATIONS = sql`
  SELECT c.oid, c.relnamespace, n.nspname, c.relname, c.relkind, c.relpersistence, c.relispartition, c.reltuples, c.relpages
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname <> 'information_schema'
    AND (n.nspname !~ '^pg_' OR c.relpersistence = 't' AND c.relkind <> 'v')`;

/** Changes nothing. @throws DATABASE_DENIED, DATABASE_UNREACHABLE */
export async function takeInventory(session: Session): Promise<Inventory> {
  const [self] = await session.rows<{ role: string; database: string }>(
    sql`SELECT current_user::text AS role, current_database()::text AS database`,
  );
  if (self === undefined) throw new Error("the server answered without a row");
  const relations = await session.rows<Omit<InventoryRelation, "sizeBytes">>(relationsQuery());
  const sizes = await readSizes(session);
  const references = await session.rows<InventoryReference>(referencesQuery());
  return {
    ...self,
    relations: relations.map((relation) => ({ ...relation, sizeBytes: sizes.get(relation.oid) ?? 0 })),
    references,
  };
}

/** From the files; where somebody keeps a table locked, from what the last VACUUM or ANALYZE has written down. */
async function readSizes(session: Session): Promise<Map<number, number>> {
  const read = async (size: SQL): Promise<Map<number, number>> => {
    const rows = await session.rows<{ oid: number; size: number }>(
      sql`SELECT r.oid, (${size})::float8 AS size FROM (${RELATIONS}) r WHERE r.relkind IN ('r', 'm')`,
    );
    return new Map(rows.map((row) => [row.oid, row.size]));
  };
  try {
    return await session.transaction(async () => {
      await session.query(`SET LOCAL lock_timeout = '${LOCK_TIMEOUT}'`);
      return read(sql`coalesce(pg_table_size(r.oid), 0)`);
    }, "READ ONLY");
  } catch (error) {
    if (!isHoldfastError(error, "TABLE_LOCKED")) throw error;
    return read(sql`r.relpages::float8 * current_setting('block_size')::int`);
  }
}

/** An extension has what it made, and all that is in a schema that it made. */
const EXTENSION = sql`
  (SELECT e.extname::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
      AND (d.classid = 'pg_class'::regclass AND d.objid = r.oid OR d.classid = 'pg_namespace'::regclass AND d.objid = r.relnamespace)
    LIMIT 1)`;

/** Keys that find at most one row, and every row: over plain columns without nulls, of the whole table, checked at once. */
const KEYS = sql`
  SELECT i.indrelid, i.indisprimary,
    json_agg(a.attname ORDER BY array_position(i.indkey::int2[], a.attnum)) AS columns, i.indnkeyatts, c.relname
  FROM pg_index i
  JOIN pg_class c ON c.oid = i.indexrelid
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])
  WHERE i.indisunique AND i.indisvalid AND i.indexprs IS NULL AND i.indpred IS NULL
    AND (i.indisprimary OR i.indimmediate AND NOT i.indisexclusion)
  GROUP BY i.indexrelid, i.indrelid, i.indisprimary, i.indnkeyatts, c.relname
  HAVING i.indisprimary OR bool_and(a.attnotnull)`;

const KINDS = sql`CASE r.relkind WHEN 'r' THEN 'TABLE' WHEN 'p' THEN 'PARTITIONED' WHEN 'v' THEN 'VIEW'
  WHEN 'm' THEN 'MATERIALISED_VIEW' ELSE 'FOREIGN_TABLE' END`;

/** Where nothing was counted by VACUUM or ANALYZE, what the statistics have seen come and go. */
const ESTIMATED_ROWS = sql`
  CASE WHEN r.relkind <> 'r' THEN NULL
    WHEN r.reltuples > 0 THEN r.reltuples::float8
    WHEN pg_stat_get_live_tuples(r.oid) > 0 THEN pg_stat_get_live_tuples(r.oid)::float8
    WHEN r.reltuples = 0 AND r.relpages > 0 THEN 0 END`;

function relationsQuery(): SQL {
  return sql`
    WITH keys AS MATERIALIZED (
      SELECT k.indrelid, (array_agg(k.columns) FILTER (WHERE k.indisprimary))[1] AS primary_key,
        json_agg(k.columns ORDER BY k.indnkeyatts, k.relname) FILTER (WHERE NOT k.indisprimary) AS unique_keys
      FROM (${KEYS}) k GROUP BY k.indrelid)
    SELECT r.oid, r.nspname::text AS schema, r.relname::text AS name, ${KINDS} AS kind,
      r.relpersistence = 't' AS temporary, ${EXTENSION} AS extension,
      CASE WHEN r.relispartition THEN (SELECT inhparent FROM pg_inherits WHERE inhrelid = r.oid) END AS "partitionOf",
      CASE WHEN r.relispartition THEN '[]' ELSE coalesce(
        (SELECT json_agg(inhparent::int8 ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = r.oid), '[]') END AS "inheritsFrom",
      coalesce((SELECT json_agg(json_build_object('name', a.attname, 'nullable', NOT a.attnotnull, 'temporal',
          a.atttypid IN ('date'::regtype, 'timestamp'::regtype, 'timestamptz'::regtype)) ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]') AS columns,
      coalesce(keys.primary_key, '[]') AS "primaryKey", coalesce(keys.unique_keys, '[]') AS "uniqueKeys",
      ${ESTIMATED_ROWS} AS "estimatedRows",
      json_build_object('inserted', pg_stat_get_tuples_inserted(r.oid), 'updated', pg_stat_get_tuples_updated(r.oid),
        'deleted', pg_stat_get_tuples_deleted(r.oid)) AS writes,
      has_schema_privilege(r.relnamespace, 'USAGE') AND has_table_privilege(r.oid, 'SELECT') AS readable,
      row_security_active(r.oid) AS "rowSecurityActive"
    FROM (${RELATIONS}) r LEFT JOIN keys ON keys.indrelid = r.oid
    ORDER BY r.nspname, r.relname`;
}

/** Of partitioned tables the keys that were declared; those that partitions have from them say nothing new. */
function referencesQuery(): SQL {
  const names = (relation: SQL, numbers: SQL): SQL => sql`
    (SELECT json_agg(a.attname ORDER BY u.position) FROM unnest(${numbers}) WITH ORDINALITY AS u(attnum, position)
      JOIN pg_attribute a ON a.attrelid = ${relation} AND a.attnum = u.attnum)`;
  return sql`
    SELECT k.conrelid AS from, k.confrelid AS to, ${names(sql`k.conrelid`, sql`k.conkey`)} AS columns,
      ${names(sql`k.confrelid`, sql`k.confkey`)} AS "referencedColumns", k.confdeltype = 'c' AS cascades
    FROM pg_constraint k
    JOIN (${RELATIONS}) f ON f.oid = k.conrelid
    WHERE k.contype = 'f' AND k.conparentid = 0
    ORDER BY f.nspname, f.relname, k.conname`;
}
