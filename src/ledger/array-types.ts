// How arrays are read and written on the ledger's connections. The driver would ask each new connection for the types that there are,
// and nobody could catch it if the connection was lost meanwhile.
import { parse } from "postgres-array";
import type postgres from "postgres";

/** The ids of PostgreSQL's own array types, from its catalog (pg_type.dat). */
const BOOL_ARRAY = 1000;
const INT4_ARRAY = 1007;
const TEXT_ARRAY = 1009;
const INT8_ARRAY = 1016;
const UUID_ARRAY = 2951;

type Item = string | number | bigint | boolean | null;

/** PostgreSQL's literal of one dimension (https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO); Drizzle gives it as such. */
function writeArray(items: readonly Item[] | string): string {
  if (typeof items === "string") return items;
  const words = items.map((item) =>
    item === null ? "NULL" : `"${String(item).replaceAll(/["\\]/g, "\\$&")}"`,
  );
  return `{${words.join(",")}}`;
}

function arrayType<T extends Item>(
  oid: number,
  read: (word: string) => T,
): postgres.PostgresType<readonly (T | null)[]> {
  return { to: oid, from: [oid], serialize: writeArray, parse: (text: string) => parse(text, read) };
}

const asIs = (word: string): string => word;

/** The option `types` of postgres.js. */
export const ARRAY_TYPES = {
  booleans: arrayType(BOOL_ARRAY, (word) => word === "t"),
  integers: arrayType(INT4_ARRAY, Number),
  texts: arrayType(TEXT_ARRAY, asIs),
  bigints: arrayType(INT8_ARRAY, asIs),
  uuids: arrayType(UUID_ARRAY, asIs),
};
