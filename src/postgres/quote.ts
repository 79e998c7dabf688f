// Names and values inside SQL text, quoted by Drizzle. Statements that take no parameters (COPY, LOCK, SET) are built from these.
import { sql, type SQL } from "drizzle-orm";
import { PgDialect } from "drizzle-orm/pg-core";
import type { TableName } from "../core/catalog.ts";

const dialect = new PgDialect();

/** A statement for a session: Drizzle's, whose values travel as parameters, or plain text. */
export type Statement = SQL | string;

/** `"schema"."name"` */
export function tableIdentifier({ schema, name }: TableName): SQL {
  return sql.raw(`${dialect.escapeName(schema)}.${dialect.escapeName(name)}`);
}

/** `"a", "b"`, each behind `qualifier.` where one is given. */
export function columnList(names: readonly string[], qualifier?: string): SQL {
  const prefix = qualifier === undefined ? "" : `${dialect.escapeName(qualifier)}.`;
  // One piece of text: Drizzle would join thousands of tables' lists out of pieces for each name and comma.
  return sql.raw(names.map((name) => prefix + dialect.escapeName(name)).join(", "));
}

/**
 * A string constant, for statements that take no parameters. It is right whatever `standard_conforming_strings` says:
 * a backslash makes it an escape string.
 */
export function literal(value: string): SQL {
  const quoted = dialect.escapeString(value);
  return sql.raw(value.includes("\\") ? ` E${quoted.replaceAll("\\", "\\\\")}` : quoted);
}

/** What a statement's parameters may be; anything richer is for the caller to print (dates, arrays, JSON). */
export type Parameter = string | number | boolean | null;

function isParameter(value: unknown): value is Parameter {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}

/**
 * The text and the parameters to send.
 * @throws TypeError for a parameter that is no {@link Parameter}
 */
export function renderStatement(statement: Statement): { text: string; parameters: Parameter[] } {
  if (typeof statement === "string") return { text: statement, parameters: [] };
  const query = dialect.sqlToQuery(statement);
  if (!query.params.every(isParameter)) throw new TypeError(`a parameter is not a plain value: ${query.sql}`);
  return { text: query.sql, parameters: query.params };
}

/**
 * The text of a statement that has no parameters.
 * @throws TypeError when it has: PostgreSQL would refuse them far from where they were written.
 */
export function statementText(statement: Statement): string {
  const { text, parameters } = renderStatement(statement);
  if (parameters.length > 0) throw new TypeError(`this statement takes no parameters: ${text}`);
  return text;
}
