// How a message names a row: by its key.
import { sql, type SQL } from "drizzle-orm";

/** `id = 1, name = a` of the row `candidate`, within bounds; empty where there is no key. */
export function rowLabel(key: readonly string[]): SQL {
  const values = key.map(
    (column) => sql`${column}::text || ' = ' || coalesce(candidate.${sql.identifier(column)}::text, 'null')`,
  );
  return key.length === 0 ? sql`''` : sql`left(concat_ws(', ', ${sql.join(values, sql`, `)}), 200)`;
}
