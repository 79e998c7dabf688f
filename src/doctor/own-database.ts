// Holdfast's own database: whether its tables are there and up to date, and whether they can be made.
import { sql } from "drizzle-orm";
import { APPLIED, migrationState } from "../ledger/migrations.ts";
import { tableIdentifier } from "../postgres/quote.ts";
import type { Session } from "../postgres/session.ts";
import { fault, ok, warning, type Finding } from "./finding.ts";

export async function checkMigrations(area: string, session: Session): Promise<Finding[]> {
  const { pending, isAhead } = migrationState(await lastApplied(session));
  if (isAhead)
    return [
      {
        ...fault(area, "its tables are of a later version of Holdfast than this one"),
        hint: "Start the version that has made them, or a later one.",
      },
    ];
  if (pending === 0) return [ok(area, "Holdfast's tables are up to date")];
  const [row] = await session.rows<{ may: boolean; role: string; database: string }>(sql`
    SELECT has_database_privilege(current_database(), 'CREATE') AS may, quote_ident(current_user) AS role,
      quote_ident(current_database()) AS database`);
  if (row?.may === false)
    return [
      fault(
        area,
        "Holdfast's tables are to be made or brought up to date, and the role may make no schemas",
        `GRANT CREATE ON DATABASE ${row.database} TO ${row.role};`,
      ),
    ];
  const what = pending === 1 ? "1 migration is" : `${pending} migrations are`;
  return [warning(area, `${what} still to be applied, which the next start does`, "holdfast migrate")];
}

async function lastApplied(session: Session): Promise<number | undefined> {
  const [found] = await session.rows<{ there: boolean }>(
    sql`SELECT to_regclass(${`${APPLIED.schema}.${APPLIED.name}`}) IS NOT NULL AS there`,
  );
  if (found?.there !== true) return undefined;
  const [row] = await session.rows<{ last: number | null }>(
    sql`SELECT max(created_at)::float8 AS last FROM ${tableIdentifier(APPLIED)}`,
  );
  return row?.last ?? undefined;
}
