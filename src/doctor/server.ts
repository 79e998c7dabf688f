// A database's server: which it is, who we are on it, and what room there is.
import { sql } from "drizzle-orm";
import type { Session } from "../postgres/session.ts";
import { findStaging } from "../postgres/staging-schema.ts";
import { fault, ok, warning, type Finding } from "./finding.ts";

/** Major versions that the tests run on, or that are known to work alike. */
const OLDEST = 13;
const NEWEST = 18;
/** A backup or a restore takes up to that many at a time. */
const CONNECTIONS = 4;
const CLOCK_TOLERANCE_MS = 5_000;

interface ServerRow {
  version: string;
  role: string;
  now_ms: number;
  standby: boolean;
  used: number;
  allowed: number;
  temp_limit_kb: number;
}

export async function checkServer(area: string, session: Session): Promise<Finding[]> {
  const askedMs = Date.now();
  const [row] = await session.rows<ServerRow>(sql`
    SELECT current_setting('server_version') AS version, current_user::text AS role,
      (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now_ms, pg_is_in_recovery() AS standby,
      (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)::int AS used,
      (current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int) AS allowed,
      (SELECT setting::float8 FROM pg_settings WHERE name = 'temp_file_limit') AS temp_limit_kb`);
  if (row === undefined) throw new Error("the server answered without a row");
  const answeredMs = Date.now();
  return [
    versionFinding(area, session.serverVersion, row),
    ...clockFindings(area, row.now_ms, askedMs, answeredMs),
    ...connectionFindings(area, row),
    ...(row.standby
      ? [warning(area, "it is a standby: backups can be made of it, and nothing can be restored into it")]
      : []),
    ...(row.temp_limit_kb >= 0
      ? [
          warning(
            area,
            `temp_file_limit is ${Math.round(row.temp_limit_kb / 1024)} MB: comparing a table that is larger fails`,
            `ALTER ROLE "${row.role.replaceAll('"', '""')}" SET temp_file_limit = -1;`,
          ),
        ]
      : []),
  ];
}

function versionFinding(area: string, version: number, { version: text, role }: ServerRow): Finding {
  const major = Math.floor(version / 10_000);
  const name = `PostgreSQL ${text.split(" ", 1)[0]}`;
  if (major < OLDEST) return fault(area, `${name} is too old: ${OLDEST} to ${NEWEST} are supported`);
  if (major > NEWEST) return warning(area, `${name} is newer than what was tested (${OLDEST} to ${NEWEST})`);
  return ok(area, `${name}, as the role ${role}`);
}

/** What is measured is right to half of the time that the answer took. */
function clockFindings(area: string, nowMs: number, askedMs: number, answeredMs: number): Finding[] {
  const apartMs = Math.max(askedMs - nowMs, nowMs - answeredMs, 0);
  if (apartMs <= CLOCK_TOLERANCE_MS) return [];
  const seconds = Math.round(apartMs / 1000);
  return [
    warning(area, `its clock and this machine's are ${seconds} s apart; schedules and retention go by both`),
  ];
}

function connectionFindings(area: string, { used, allowed }: ServerRow): Finding[] {
  const free = allowed - used;
  if (free >= CONNECTIONS) return [ok(area, `${free} of ${allowed} connections are free`)];
  const message = `${Math.max(0, free)} of ${allowed} connections are free; a backup or restore takes up to ${CONNECTIONS}`;
  return [
    warning(area, message, `ALTER SYSTEM SET max_connections = ${allowed + 50}; -- then restart PostgreSQL`),
  ];
}

/** What restores that died have left, unless a restore is under way that it may belong to. */
export async function checkRemains(area: string, session: Session): Promise<Finding[]> {
  const remains = await findStaging(session);
  if (remains.length === 0) return [];
  const [row] = await session.rows<{ busy: boolean }>(sql`
    SELECT EXISTS (SELECT FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'holdfast restore') AS busy`);
  if (row?.busy === true) return [ok(area, "a restore is under way")];
  return remains.map(({ name, runId, attempt }) =>
    warning(
      area,
      `the restore ${runId} (attempt ${attempt}) has left what it had staged; a server that runs on it cleans up by itself`,
      `DROP SCHEMA "${name}" CASCADE;`,
    ),
  );
}
