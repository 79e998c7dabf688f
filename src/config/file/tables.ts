// The tables of an entity as the file gives them, Drizzle tables or names, as names.
import type { TableName } from "../../core/catalog.ts";
import { parseTableReference } from "../../core/table-reference.ts";
import { kindOf } from "./faults.ts";

// Drizzle's tables are known by their symbols, which every copy and version shares; they are no instances of our copy.
const NAME = Symbol.for("drizzle:Name");
const SCHEMA = Symbol.for("drizzle:Schema");
const IS_ALIAS = Symbol.for("drizzle:IsAlias");
const VIEW = Symbol.for("drizzle:ViewBaseConfig");
const KIND = Symbol.for("drizzle:entityKind");

const EXAMPLE = 'write a table of a Drizzle schema, or a name such as "public.orders"';
/** What Drizzle has tables for besides PostgreSQL. */
const OTHER_DIALECT = /^(?:MySql|SQLite|SingleStore|Gel|MsSql|Cockroach)/;

/** @returns the table, or what is wrong with what stands in its place */
export function readTable(value: unknown): TableName | string {
  if (typeof value === "string") return readName(value);
  if (value === undefined) return `is undefined: what is imported has no such table; ${EXAMPLE}`;
  if (typeof value !== "object" || value === null) return `is ${kindOf(value)}; ${EXAMPLE}`;
  if (VIEW in value) return "is a view, which has no rows of its own: name the tables that it reads";
  if (NAME in value) return readDrizzleTable(value);
  return Array.isArray(value) ? `is a list; ${EXAMPLE}` : `is an object that is no table; ${EXAMPLE}`;
}

function readName(text: string): TableName | string {
  const table = parseTableReference(text);
  if (table !== undefined) return table;
  return text.trim() === ""
    ? `is empty; ${EXAMPLE}`
    : `is no name of a table; write "schema.table", with double quotes around a name that has dots: '"my.schema"."table"'`;
}

function readDrizzleTable(value: object): TableName | string {
  const name: unknown = Reflect.get(value, NAME);
  const schema: unknown = Reflect.get(value, SCHEMA);
  const kind: unknown = Reflect.get(value.constructor, KIND);
  if (typeof name !== "string" || !(schema === undefined || typeof schema === "string"))
    return `is of a version of Drizzle that is not understood; write the table's name, such as "public.orders"`;
  if (Reflect.get(value, IS_ALIAS) === true) return `is an alias (${name}); give the table itself`;
  if (typeof kind === "string" && OTHER_DIALECT.test(kind))
    return `(${name}) is a table of another kind of database (${kind}); Holdfast backs up PostgreSQL`;
  return { schema: schema ?? "public", name };
}
