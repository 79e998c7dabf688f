// Makes in an empty database what the rows of a backup need: extensions, types, tables, and at last their keys. What the
// manifest says is somebody else's text: names are quoted, and types have to look like types.
import { sql, type SQL } from "drizzle-orm";
import type { ExtensionNeed, ManifestTable, TypeDefinition } from "../core/artifact.ts";
import { tableLabel } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import { someNames } from "../core/some.ts";
import { columnList, literal, tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";
import { storedColumns } from "./table-shape.ts";

/** What there is to be made, all of one database. */
export interface ScratchContents {
  readonly tables: readonly ManifestTable[];
  /** Those that others are made of before them. */
  readonly types: readonly TypeDefinition[];
  readonly extensions: readonly ExtensionNeed[];
}

/**
 * @throws EXTENSION_MISSING naming those that the server does not have; DRILL_UNSUPPORTED for a type that is neither there nor
 *   described; DATABASE_DENIED
 */
export async function createScratchSchema(session: Session, contents: ScratchContents): Promise<void> {
  const { tables, types, extensions } = contents;
  await requireExtensions(session, extensions);
  const schemas = new Set([...tables, ...types, ...extensions].map(({ schema }) => schema));
  for (const schema of schemas)
    await session.query(sql`CREATE SCHEMA IF NOT EXISTS ${sql.identifier(schema)}`);
  for (const { name, schema } of extensions) {
    await session.query(
      sql`CREATE EXTENSION IF NOT EXISTS ${sql.identifier(name)} WITH SCHEMA ${sql.identifier(schema)} CASCADE`,
    );
  }
  for (const type of types) {
    const statement = typeCreation(type);
    if (statement !== undefined) await session.query(statement);
  }
  await requireTypes(session, tables);
  for (const table of tables) await session.query(tableCreation(table));
}

/** The columns that rows are matched by hold no value twice. @throws what the server says */
export async function createKey(session: Session, table: ManifestTable): Promise<void> {
  const stored = storedColumns(table);
  if (table.key.length === 0 || !table.key.every((name) => stored.includes(name))) return;
  await session.query(sql`ALTER TABLE ${tableIdentifier(table)} ADD UNIQUE (${columnList(table.key)})`);
}

async function requireExtensions(session: Session, extensions: readonly ExtensionNeed[]): Promise<void> {
  const rows = await session.rows<{ name: string }>("SELECT name::text FROM pg_available_extensions");
  const available = new Set(rows.map((row) => row.name));
  const missing = extensions.map(({ name }) => name).filter((name) => !available.has(name));
  if (missing.length === 0) return;
  throw new HoldfastError(
    "EXTENSION_MISSING",
    `The server of the drill does not have the extension ${missing.join(" and ")}, whose types the backup's rows are of.`,
    { details: { extensions: missing } },
  );
}

/** A backup of a version that did not describe types can be restored where they are there by themselves. */
async function requireTypes(session: Session, tables: readonly ManifestTable[]): Promise<void> {
  const wanted = new Set(tables.flatMap((table) => table.columns.map((column) => columnType(column.type))));
  const rows = await session.rows<{ type: string }>(sql`
    SELECT type FROM jsonb_array_elements_text(${JSON.stringify([...wanted])}::jsonb) AS wanted(type)
    WHERE to_regtype(type) IS NULL`);
  if (rows.length === 0) return;
  const names = someNames(rows.map((row) => row.type));
  throw new HoldfastError(
    "DRILL_UNSUPPORTED",
    `The backup does not say how to make the type ${names} in a database that does not have it.`,
  );
}

function typeCreation({ schema, name, kind, labels, base, attributes }: TypeDefinition): SQL | undefined {
  const type = tableIdentifier({ schema, name });
  if (kind === "ENUM")
    return sql`CREATE TYPE ${type} AS ENUM (${sql.join((labels ?? []).map(literal), sql`, `)})`;
  // Without its constraints: they may call functions that no backup holds, and the rows have met them already.
  if (kind === "DOMAIN") return sql`CREATE DOMAIN ${type} AS ${typeName(base ?? "")}`;
  if (kind === "RANGE") return sql`CREATE TYPE ${type} AS RANGE (SUBTYPE = ${typeName(base ?? "")})`;
  if (kind === "COMPOSITE") {
    const list = (attributes ?? []).map((one) => sql`${sql.identifier(one.name)} ${typeName(one.type)}`);
    return sql`CREATE TYPE ${type} AS (${sql.join(list, sql`, `)})`;
  }
  // What comes with an extension or a range is there; anything else is missed when the tables are looked at.
  return undefined;
}

/** Unlogged: nobody needs it after a crash. Generated columns are left out, as the rows leave them out. */
function tableCreation(table: ManifestTable): SQL {
  const columns = table.columns
    .filter((column) => column.generated === null)
    .map(
      ({ name, type, nullable }) =>
        sql`${sql.identifier(name)} ${typeName(columnType(type))}${sql.raw(nullable ? "" : " NOT NULL")}`,
    );
  return sql`CREATE UNLOGGED TABLE ${tableIdentifier(table)} (${sql.join(columns, sql`, `)})`;
}

/** Names of things that are there in the backed-up database and not here would be refused by the types that look them up. */
const LOOKED_UP =
  /^reg(class|collation|config|dictionary|namespace|oper|operator|proc|procedure|role|type|database)(\[\])*$/;

function columnType(type: string): string {
  return type.replace(LOOKED_UP, "text$2");
}

const WORD = String.raw`(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)`;
/** `"My Schema".mood[]`, `numeric(10,2)`, `timestamp(3) without time zone`, `public.geometry(Point,4326)` */
const TYPE = new RegExp(
  String.raw`^${WORD}(?:\.${WORD})?(?: [a-z]+)*(?:\([\w ,.-]*\))?(?: [a-z]+)*(?:\([\w ,.-]*\))?(?:\[\])*$`,
);

/** @throws ARTIFACT_CORRUPT for what `format_type` never prints */
function typeName(type: string): SQL {
  if (TYPE.test(type)) return sql.raw(type);
  throw new HoldfastError("ARTIFACT_CORRUPT", `${JSON.stringify(type)} is not the name of a type.`);
}

/**
 * How many rows of a table have a key that no row of the referenced table has. Operators are looked for where types may be.
 * @returns undefined where the key cannot be looked at: its other end is not in the backup, or nobody promised that it holds
 */
export async function countOrphans(
  session: Session,
  table: ManifestTable,
  key: ManifestTable["foreignKeys"][number],
  tables: readonly ManifestTable[],
): Promise<number | undefined> {
  const parent = tables.find(
    ({ schema, name }) => schema === key.references.schema && name === key.references.name,
  );
  if (parent === undefined || key.enforced === false) return undefined;
  const [own, others] = [storedColumns(table), storedColumns(parent)];
  if (!key.columns.every((name) => own.includes(name))) return undefined;
  if (!key.referencedColumns.every((name) => others.includes(name))) return undefined;
  const pairs = key.columns.map(
    (name, at) =>
      sql`child.${sql.identifier(name)} = parent.${sql.identifier(key.referencedColumns[at] ?? "")}`,
  );
  const set = key.columns.map((name) => sql`child.${sql.identifier(name)} IS NOT NULL`);
  return session.transaction(async () => {
    const [path] = await session.rows<{ names: string }>(
      "SELECT string_agg(quote_ident(nspname), ', ' ORDER BY nspname <> 'pg_catalog') AS names FROM pg_namespace WHERE nspname !~ '^pg_(toast|temp)'",
    );
    await session.query(sql`SET LOCAL search_path = ${sql.raw(path?.names ?? "pg_catalog")}`);
    const [found] = await session.rows<{ rows: number }>(sql`
      SELECT count(*)::float8 AS rows FROM ${tableIdentifier(table)} AS child
      WHERE ${sql.join(set, sql` AND `)}
        AND NOT EXISTS (SELECT FROM ${tableIdentifier(parent)} AS parent WHERE ${sql.join(pairs, sql` AND `)})`);
    return found?.rows;
  });
}

/** For messages: `user_roles_user_id_fkey (platform.users)`. */
export function foreignKeyLabel(key: ManifestTable["foreignKeys"][number]): string {
  return `${key.name} (to ${tableLabel(key.references)})`;
}
