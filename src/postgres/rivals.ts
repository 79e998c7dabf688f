// What forbids two rows of a table at a time: unique indexes and exclusion constraints, taken apart so that the same question can be
// asked of staged rows and of live ones.
import { sql } from "drizzle-orm";
import type { Session } from "./session.ts";

/** One column or expression of an index. */
export interface RivalElement {
  /** SQL over the table's own columns, unqualified, in the index's collation. */
  readonly expression: string;
  /** The column where it is one. */
  readonly column: string | null;
  /** The operator under which two values collide: `OPERATOR(pg_catalog.=)`. */
  readonly operator: string;
}

export interface Rival {
  readonly table: number;
  /** The constraint's, or else the index's. */
  readonly name: string;
  readonly elements: readonly RivalElement[];
  /** The condition of a partial index: SQL over the table's own columns, unqualified. */
  readonly predicate: string | null;
  /** Every column that the elements and the condition look at. */
  readonly columns: readonly string[];
  readonly nullsCollide: boolean;
  /** Checked row by row; otherwise at the end of the statement or of the transaction. */
  readonly immediate: boolean;
  /** Whether all operators are the equality of an index: then rows may be grouped by the elements. */
  readonly equality: boolean;
}

/** By the table's oid. */
export async function readRivals(session: Session, oids: readonly number[]): Promise<Map<number, Rival[]>> {
  const rows = await session.rows<Rival>(sql`
    SELECT i.indrelid AS table, coalesce(k.conname, c.relname)::text AS name, i.indimmediate AS immediate,
      k.conexclop IS NULL AS equality, pg_get_expr(i.indpred, i.indrelid) AS predicate,
      coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::bool, false) AS "nullsCollide",
      (SELECT jsonb_agg(jsonb_build_object(
            'expression', '(' || pg_get_indexdef(i.indexrelid, n, false) || ')' || coalesce(
              (SELECT format(' COLLATE %I.%I', s.nspname, o.collname) FROM pg_collation o
                JOIN pg_namespace s ON s.oid = o.collnamespace WHERE o.oid = i.indcollation[n - 1]), ''),
            'column', (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = i.indkey[n - 1]
              AND i.indkey[n - 1] <> 0),
            'operator', (SELECT format('OPERATOR(%I.%s)', s.nspname, o.oprname) FROM pg_operator o
              JOIN pg_namespace s ON s.oid = o.oprnamespace WHERE o.oid = coalesce(k.conexclop[n], equal.amopopr))) ORDER BY n)
        FROM generate_series(1, i.indnkeyatts::int) AS n
        JOIN pg_opclass p ON p.oid = i.indclass[n - 1]
        LEFT JOIN pg_amop equal ON equal.amopfamily = p.opcfamily AND equal.amopstrategy = 3
          AND equal.amoplefttype = p.opcintype AND equal.amoprighttype = p.opcintype AND k.conexclop IS NULL) AS elements,
      (SELECT coalesce(jsonb_agg(a.attname), '[]') FROM pg_attribute a
        WHERE a.attrelid = i.indrelid AND a.attnum > 0 AND (
          a.attnum = ANY((i.indkey::int2[])[0:i.indnkeyatts - 1])
          OR EXISTS (SELECT FROM pg_depend d
            WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
              AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))) AS columns
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
    WHERE i.indrelid = ANY(${`{${oids.join(",")}}`}::text::oid[]) AND (i.indisunique OR i.indisexclusion)
      AND i.indislive AND i.indisready
    ORDER BY i.indrelid, i.indisprimary DESC, c.relname`);
  return Map.groupBy(rows, (row) => row.table);
}
