// What a database's platform tables hold, as hashes that PostgreSQL computes.
import postgres from "postgres";
import { tableLabel } from "../../src/core/catalog.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";

export type Fingerprints = Readonly<Record<string, string>>;

/** The platform's tables, as `schema.name`; of all entities or of those named. */
export function platformTables(entities: readonly string[] = [...platformCatalog.entities.keys()]): string[] {
  return entities.flatMap((name) => platformCatalog.entities.get(name)?.tables.map(tableLabel) ?? []);
}

/**
 * The count and a hash of every table's rows, whatever their order, but for what the command line itself writes to the
 * audit log.
 * @param expression what is hashed of each row `t`
 */
export async function fingerprints(url: string, expression = "t::text"): Promise<Fingerprints> {
  const sql = postgres(url, { max: 1, onnotice: () => undefined });
  try {
    const found: [string, string][] = [];
    for (const table of platformTables()) {
      const [row] = await sql.unsafe<{ hash: string }[]>(
        `SELECT count(*) || ':' || coalesce(sum(hashtextextended(${expression}, 0))::text, '') AS hash FROM ${table} t
         WHERE coalesce(to_jsonb(t) ->> 'actor', '') NOT LIKE 'cli:%'`,
      );
      found.push([table, row?.hash ?? ""]);
    }
    return Object.fromEntries(found);
  } finally {
    await sql.end();
  }
}
