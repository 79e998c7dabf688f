// Made-up streams with their log entries, and audit records: the large tables, some 200 bytes a row.
import type { TransactionSql } from "postgres";
import type { PlatformSizes } from "./sizes.ts";
import { AWKWARD, HANDLES, HOSTS, MESSAGES, TOPICS } from "./words.ts";

const ACTIONS = [
  ...["user.created", "user.disabled", "role.granted", "role.revoked", "token.created", "session.started"],
  ...[
    "template.changed",
    "pipeline.paused",
    "pipeline.resumed",
    "alert.muted",
    "space.archived",
    "backup.started",
  ],
];

export async function seedLogs(tx: TransactionSql, sizes: PlatformSizes): Promise<void> {
  const streams = await tx<{ id: number }[]>`
    INSERT INTO platform.streams (name, kind, retention, partition_keys, allowed_from, settings, created_at)
    SELECT
      pg_temp.one_of(n, 90, ${TOPICS}) || '.' || n,
      pg_temp.one_of(n, 91, '{LOGS,LOGS,LOGS,METRICS,TRACES}')::platform.stream_kind,
      CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN interval '1 year 2 mons -3 days 04:05:06.789' ELSE n * interval '30 days' END,
      CASE n % 3 WHEN 0 THEN '{}' ELSE ARRAY['tenant', pg_temp.one_of(n, 92, '{region,host,"a b"}')] END,
      CASE n % 3 WHEN 0 THEN NULL WHEN 1 THEN '10.0.0.0/8'::cidr ELSE '2001:db8::/32' END,
      CASE WHEN n % 5 <> 0 THEN jsonb_build_object('fields', jsonb_build_array(
        jsonb_build_object('name', 'level', 'type', 'enum'), jsonb_build_object('name', 'größe', 'type', null))) END,
      timestamptz '2025-01-03Z' + n * interval '1 day'
    FROM generate_series(1, ${sizes.streams}::bigint) AS n
    RETURNING id`;
  if (streams.length === 0) return;
  const ids = streams.map((row) => row.id);
  // One entry in a hundred has awkward text; one in sixteen has no attributes.
  await tx`
    INSERT INTO platform.log_entries
      (stream_id, at, level, message, attributes, source, duration_ms, trace_id, tags)
    SELECT
      (${ids}::integer[])[1 + pg_temp.roll(n, 100, ${ids.length})],
      timestamptz '2026-01-01Z' + n * interval '1.300007 seconds',
      pg_temp.one_of(n, 101, '{TRACE,DEBUG,DEBUG,INFO,INFO,INFO,INFO,WARN,ERROR,FATAL}')::platform.log_level,
      CASE WHEN n % 100 = 0 THEN pg_temp.one_of(n, 102, ${AWKWARD})
        ELSE replace(pg_temp.one_of(n, 103, ${MESSAGES}), '%', n::text) END,
      CASE WHEN n % 16 <> 0 THEN format('{"host": "%s", "http": {"status": %s, "bytes": %s}}',
        pg_temp.one_of(n, 104, ${HOSTS}), 200 + pg_temp.roll(n, 105, 304), pg_temp.roll(n, 106, 1000000))::jsonb END,
      CASE WHEN n % 12 <> 0 THEN '10.0.0.0'::inet + pg_temp.roll(n, 107, 16777215) END,
      CASE n % 64 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE pg_temp.roll(n, 108, 5000000) / 1000.0 END,
      CASE WHEN n % 3 = 0 THEN pg_temp.made_uuid('trace', n / 9) END,
      CASE n % 8 WHEN 0 THEN '{}'::text[] WHEN 1 THEN '{beta,NULL,"a,\\"b\\"\\\\c",""}' WHEN 2 THEN '{canary}' END
    FROM generate_series(1, ${sizes.logEntries}::bigint) AS n`;
}

export async function seedAuditLogs(tx: TransactionSql, sizes: PlatformSizes): Promise<void> {
  await tx`
    INSERT INTO platform.audit_logs (at, actor, action, target, ip, details)
    SELECT
      timestamptz '2025-06-01Z' + n * interval '7.000013 seconds',
      CASE WHEN n % 20 <> 0 THEN pg_temp.one_of(n, 110, ${HANDLES}) || '.' || pg_temp.roll(n, 111, 500) END,
      pg_temp.one_of(n, 112, ${ACTIONS}),
      CASE WHEN n % 15 <> 0 THEN 'template:' || pg_temp.made_uuid('target', n / 50) END,
      CASE n % 30 WHEN 0 THEN NULL WHEN 1 THEN '2001:db8::1'::inet + pg_temp.roll(n, 113, 65535)
        ELSE '192.168.0.0'::inet + pg_temp.roll(n, 113, 65535) END,
      CASE WHEN n % 25 = 0 THEN NULL WHEN n % 40 = 1 THEN jsonb_build_object('note', pg_temp.one_of(n, 115, ${AWKWARD}))
        ELSE format('{"request": %s, "agent": "%s", "change": {"field": "%s", "was": null, "is": [%s, {"by": "rule"}]}}',
          n, pg_temp.one_of(n, 114, '{curl/8,Firefox,cron}'), pg_temp.one_of(n, 116, '{name,status,größe}'), n % 7)::jsonb END
    FROM generate_series(1, ${sizes.auditLogs}::bigint) AS n`;
}
