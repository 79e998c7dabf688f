// Describes the types that tables need and PostgreSQL does not have by itself, so that they can be made again elsewhere.
import { sql, type SQL } from "drizzle-orm";
import type { ExtensionNeed, TypeDefinition } from "../core/artifact.ts";
import { wantedTables } from "./catalog-queries.ts";
import type { Session } from "./session.ts";

/** What the tables of one database need beside themselves; without the database's name, which the session has. */
export interface TypeNeeds {
  /** Those that others are made of before them. */
  readonly types: readonly TypeDefinition[];
  readonly extensions: readonly ExtensionNeed[];
}

interface TypeRow {
  oid: number;
  schema: string;
  name: string;
  kind: string;
  labels: string[] | null;
  base: string | null;
  attributes: { name: string; type: string }[] | null;
  /** The types that it is made of. */
  uses: number[];
  extension: string | null;
  extension_schema: string | null;
  extension_version: string | null;
}

/** @param oids of tables */
export async function describeTypes(session: Session, oids: readonly number[]): Promise<TypeNeeds> {
  const { database } = session;
  const rows = oids.length === 0 ? [] : await session.rows<TypeRow>(typesOf(oids));
  const extensions = new Map<string, ExtensionNeed>();
  for (const { extension: name, extension_schema: schema, extension_version: version } of rows)
    if (name !== null && schema !== null)
      extensions.set(name, { database, name, schema, version: version ?? "" });
  const types = inOrderOfUse(rows).map(
    ({ schema, name, kind, labels, base, attributes, extension }): TypeDefinition => ({
      ...{ database, schema, name, kind },
      ...(labels !== null && { labels }),
      ...(base !== null && { base }),
      ...(attributes !== null && { attributes }),
      ...(extension !== null && { extension }),
    }),
  );
  return { types, extensions: [...extensions.values()] };
}

/** Types cannot be made of themselves, so the search ends. */
function inOrderOfUse(rows: readonly TypeRow[]): TypeRow[] {
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  const ordered = new Set<TypeRow>();
  const place = (row: TypeRow): void => {
    if (ordered.has(row)) return;
    for (const oid of row.uses) {
      const used = byOid.get(oid);
      if (used !== undefined) place(used);
    }
    ordered.add(row);
  };
  for (const row of rows) place(row);
  return [...ordered];
}

/** Object ids below this one are PostgreSQL's own. */
const FIRST_OF_USERS = 16_384;

/** An array is looked through to its elements. */
const element = (oid: SQL): SQL =>
  sql`(SELECT CASE WHEN e.typcategory = 'A' AND e.typelem <> 0 THEN e.typelem ELSE e.oid END FROM pg_type e WHERE e.oid = ${oid})`;

/**
 * What a type is made of, as a relation. The multirange of a range is looked up through JSON, because PostgreSQL has it only from
 * version 14 on.
 */
const partsOf = (whole: SQL): SQL => sql`(
    SELECT ${element(sql`made.typbasetype`)} AS part FROM pg_type made WHERE made.oid = ${whole} AND made.typtype = 'd'
    UNION ALL SELECT ${element(sql`a.atttypid`)} FROM pg_type made
      JOIN pg_attribute a ON a.attrelid = made.typrelid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE made.oid = ${whole} AND made.typtype = 'c'
    UNION ALL SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = ${whole}
    UNION ALL SELECT r.rngtypid FROM pg_range r WHERE (to_jsonb(r) ->> 'rngmultitypid')::oid = ${whole})`;

function typesOf(oids: readonly number[]): SQL {
  return sql`
    WITH RECURSIVE used(oid) AS (
      SELECT ${element(sql`a.atttypid`)} FROM (SELECT DISTINCT a.atttypid FROM ${wantedTables(oids)}
        JOIN pg_attribute a ON a.attrelid = wanted.oid AND a.attnum > 0 AND NOT a.attisdropped) a
      UNION SELECT parts.part FROM used CROSS JOIN LATERAL ${partsOf(sql`used.oid`)} parts
        WHERE used.oid >= ${sql.raw(String(FIRST_OF_USERS))}
    )
    SELECT t.oid, n.nspname::text AS schema, t.typname::text AS name,
      CASE WHEN x.oid IS NOT NULL THEN 'EXTENSION' ELSE
        CASE t.typtype WHEN 'e' THEN 'ENUM' WHEN 'd' THEN 'DOMAIN' WHEN 'c' THEN 'COMPOSITE' WHEN 'r' THEN 'RANGE'
          WHEN 'm' THEN 'MULTIRANGE' ELSE 'OTHER' END END AS kind,
      CASE WHEN x.oid IS NULL AND t.typtype = 'e' THEN (
        SELECT json_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid) END AS labels,
      CASE WHEN x.oid IS NOT NULL THEN NULL WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod)
        WHEN t.typtype IN ('r', 'm') THEN (SELECT format_type(parts.part, NULL) FROM ${partsOf(sql`t.oid`)} parts)
        END AS base,
      CASE WHEN x.oid IS NULL AND t.typtype = 'c' THEN (
        SELECT json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) END AS attributes,
      coalesce((SELECT json_agg(parts.part::int8) FROM ${partsOf(sql`t.oid`)} parts), '[]') AS uses,
      x.extname::text AS extension, xn.nspname::text AS extension_schema, x.extversion AS extension_version
    FROM used
    JOIN pg_type t ON t.oid = used.oid AND t.oid >= ${sql.raw(String(FIRST_OF_USERS))}
    JOIN pg_namespace n ON n.oid = t.typnamespace
    LEFT JOIN pg_depend d ON d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
      AND d.refclassid = 'pg_extension'::regclass
    LEFT JOIN pg_extension x ON x.oid = d.refobjid
    LEFT JOIN pg_namespace xn ON xn.oid = x.extnamespace
    ORDER BY n.nspname, t.typname`;
}
