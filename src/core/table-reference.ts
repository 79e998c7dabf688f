// Tables as people write them: `orders` (of the schema public), `shop.orders`, `"my.schema"."Orders"`.
import type { TableName } from "./catalog.ts";

const DEFAULT_SCHEMA = "public";
/** A name in double quotes, those inside of it doubled, as in SQL; or anything without dots and quotes. */
const NAME = String.raw`"(?:[^"]|"")+"|[^".]+`;
const REFERENCE = new RegExp(`^(?:(?<schema>${NAME})\\.)?(?<name>${NAME})$`, "su");

/**
 * A name is meant as it is written, capitals too: quotes are for names with dots or quotes in them alone.
 * @returns undefined for what is no reference
 */
export function parseTableReference(text: string): TableName | undefined {
  const { schema, name } = REFERENCE.exec(text)?.groups ?? {};
  if (name === undefined) return undefined;
  return { schema: schema === undefined ? DEFAULT_SCHEMA : unquote(schema), name: unquote(name) };
}

/** With its schema, so that {@link parseTableReference} gives the table back. */
export function formatTableReference({ schema, name }: TableName): string {
  return `${quote(schema)}.${quote(name)}`;
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

function quote(name: string): string {
  return /[".]/.test(name) ? `"${name.replaceAll('"', '""')}"` : name;
}
