// How many connections there is room for. How many cores a server has cannot be asked of it: those of this machine have to do
// for a guess, or whoever knows better says so.
import { sql } from "drizzle-orm";
import type { Session } from "./session.ts";

/** Of what is free, half is left to whom the database is there for. */
const SHARE = 0.5;

/**
 * How many further connections an act may take: at most half of those that the server, the database and the role have free.
 * Other acts may be asking at the same moment; a connection that is refused after all is done without.
 */
export async function countFreeConnections(session: Session): Promise<number> {
  const [row] = await session.rows<{ free: number }>(sql`
    WITH used AS (SELECT datname, usename FROM pg_stat_activity WHERE datid IS NOT NULL)
    SELECT least(
      current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true)::int, 0) - (SELECT count(*) FROM used),
      (SELECT CASE WHEN datconnlimit >= 0 THEN datconnlimit - (SELECT count(*) FROM used WHERE datname = d.datname) END
        FROM pg_database d WHERE datname = current_database()),
      (SELECT CASE WHEN rolconnlimit >= 0 THEN rolconnlimit - (SELECT count(*) FROM used WHERE usename = r.rolname) END
        FROM pg_roles r WHERE rolname = session_user)
    )::int AS free`);
  return Math.max(0, Math.floor((row?.free ?? 0) * SHARE));
}
