// Made-up transformers, pipelines with their steps, and alerts.
import type { TransactionSql } from "postgres";
import type { PlatformSizes } from "./sizes.ts";
import { AWKWARD, LAST_NAMES, TOPICS } from "./words.ts";

export async function seedConfig(tx: TransactionSql, sizes: PlatformSizes): Promise<void> {
  const transformers = await tx<{ id: number }[]>`
    INSERT INTO platform.transformers (name, kind, source, arguments, window_sizes, version, created_at)
    SELECT
      pg_temp.one_of(n, 50, ${TOPICS}) || '-' || n,
      pg_temp.one_of(n, 51, '{FILTER,MAP,ENRICH,AGGREGATE}')::platform.transformer_kind,
      E'function transform(entry) {\n\tif (entry.level === "' || pg_temp.one_of(n, 52, '{WARN,ERROR}')
        || E'") return null;\r\n\treturn { ...entry, path: "C:\\\\logs\\\\' || n || E'" };\n}\n',
      CASE WHEN n % 3 = 0 THEN '{}' ELSE ARRAY['--strict', NULL, pg_temp.one_of(n, 53, ${AWKWARD})] END,
      CASE WHEN n % 4 <> 0 THEN ARRAY[60, NULL, 300 + n, -1]::integer[] END,
      1 + n / 100.0,
      timestamptz '2025-01-05Z' + n * interval '1 day'
    FROM generate_series(1, ${sizes.transformers}::bigint) AS n
    RETURNING id`;
  await tx`
    INSERT INTO platform.pipelines
      (id, name, description, stream_name, status, settings, batch_size, flush_after, created_at, updated_at)
    SELECT
      pg_temp.made_uuid('pipeline', n),
      pg_temp.one_of(n, 60, ${TOPICS}) || ' → ' || pg_temp.one_of(n, 61, '{archive,search,metrics,警報}') || ' ' || n,
      CASE WHEN n % 4 <> 0 THEN pg_temp.one_of(n, 62, ${AWKWARD}) END,
      pg_temp.one_of(n, 63, ${TOPICS}),
      pg_temp.one_of(n, 64, '{DRAFT,ACTIVE,ACTIVE,PAUSED}')::platform.pipeline_status,
      jsonb_build_object('retry', jsonb_build_object('limit', n % 5, 'backoff', jsonb_build_array(1, 2.5, 1e20)),
        'owner', pg_temp.one_of(n, 65, ${LAST_NAMES}), 'tags', '[]'::jsonb, 'none', null),
      1 + pg_temp.roll(n, 66, 5000),
      make_interval(months => pg_temp.roll(n, 67, 2), days => -pg_temp.roll(n, 68, 3), secs => 0.25 * n),
      timestamptz '2025-02-01Z' + n * interval '7 hours',
      timestamptz '2025-09-01Z' + n * interval '11 hours'
    FROM generate_series(1, ${sizes.pipelines}::bigint) AS n`;
  if (transformers.length > 0) {
    const ids = transformers.map((row) => row.id);
    await tx`
      INSERT INTO platform.pipeline_steps (pipeline_id, position, transformer_id, settings, timeout)
      SELECT pg_temp.made_uuid('pipeline', n), position,
        (${ids}::integer[])[1 + pg_temp.roll(n * 8 + position, 70, ${ids.length})],
        CASE position % 3 WHEN 0 THEN NULL WHEN 1 THEN 'null'::jsonb ELSE jsonb_build_object('step', position) END,
        CASE WHEN position % 2 = 0 THEN position * interval '1 second' END
      FROM generate_series(1, ${sizes.pipelines}::bigint) AS n
        CROSS JOIN generate_series(1, 1 + pg_temp.roll(n, 71, 5)) AS position`;
  }
  await seedAlerts(tx, sizes);
}

async function seedAlerts(tx: TransactionSql, { alerts, pipelines }: PlatformSizes): Promise<void> {
  await tx`
    INSERT INTO platform.alerts
      (name, stream_name, pipeline_id, severity, condition, threshold, ratio, evaluation_window, quiet_from, muted_until,
       channels, last_fired_on, created_at)
    SELECT
      pg_temp.one_of(n, 80, ${TOPICS}) || ' alert ' || n,
      pg_temp.one_of(n, 81, ${TOPICS}),
      CASE WHEN n % 3 <> 0 AND ${pipelines} > 0
        THEN pg_temp.made_uuid('pipeline', 1 + pg_temp.roll(n, 82, ${Math.max(pipelines, 1)})) END,
      pg_temp.one_of(n, 83, '{INFO,WARNING,CRITICAL}')::platform.alert_severity,
      jsonb_build_object('all', jsonb_build_array(jsonb_build_object('field', 'level', 'in', '["ERROR", "FATAL"]'::jsonb),
        jsonb_build_object('field', 'message', 'matches', '^\\s*"(.+)"\\t$'))),
      CASE n % 10 WHEN 0 THEN NULL WHEN 1 THEN 'NaN' WHEN 2 THEN 12345678901234567890.000000000000000001
        ELSE pg_temp.roll(n, 84, 100000) / 1000.0 END,
      CASE n % 7 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' WHEN 2 THEN '-0' WHEN 3 THEN 0.1::float8 + 0.2::float8
        WHEN 4 THEN 5e-324 ELSE NULL END,
      make_interval(mins => 1 + n::integer),
      CASE WHEN n % 2 = 0 THEN time '22:00' + n * interval '1.5 minutes' END,
      CASE n % 6 WHEN 0 THEN 'infinity'::timestamptz WHEN 1 THEN timestamptz '2026-12-24Z' + n * interval '1 hour' END,
      CASE WHEN n % 5 = 0 THEN '{}' ELSE ARRAY['#ops', NULL, 'mailto:"on, call" <oncall@example.com>', ''] END,
      CASE n % 8 WHEN 0 THEN '0044-03-15 BC'::date WHEN 1 THEN NULL WHEN 2 THEN '-infinity' ELSE date '2026-01-01' + n::integer END,
      timestamptz '2025-03-01Z' + n * interval '13 hours'
    FROM generate_series(1, ${alerts}::bigint) AS n`;
}
