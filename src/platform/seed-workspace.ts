// Made-up spaces, templates with their versions, variables and configuration values.
import type { TransactionSql } from "postgres";
import type { PlatformSizes } from "./sizes.ts";
import { AWKWARD, HANDLES, LAST_NAMES, TEAMS, TOPICS } from "./words.ts";

export async function seedWorkspace(tx: TransactionSql, sizes: PlatformSizes): Promise<void> {
  await tx`
    INSERT INTO platform.spaces (id, slug, name, description, settings, quota_bytes, archived_on, created_at)
    SELECT
      pg_temp.made_uuid('space', n),
      pg_temp.one_of(n, 120, ${TOPICS}) || '-' || n,
      pg_temp.one_of(n, 121, ${TEAMS}) || ' / ' || pg_temp.one_of(n, 122, ${LAST_NAMES}),
      CASE WHEN n % 3 <> 0 THEN pg_temp.one_of(n, 123, ${AWKWARD}) END,
      jsonb_build_object('colour', '#' || lpad(to_hex(pg_temp.roll(n, 124, 16777216)), 6, '0'), 'members', '[[], {}, [null]]'::jsonb),
      CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN 9223372036854775807 WHEN 2 THEN 0 ELSE n * 1073741824 END,
      CASE WHEN n % 7 = 0 THEN date '2026-02-28' + n::integer END,
      timestamptz '2025-01-04Z' + n * interval '1 day'
    FROM generate_series(1, ${sizes.spaces}::bigint) AS n`;
  if (sizes.spaces > 0) await seedTemplates(tx, sizes);
  await seedVariables(tx, sizes);
  await seedConfigValues(tx, sizes);
}

/** The versions first need their templates; which version is current is set after. */
async function seedTemplates(tx: TransactionSql, { spaces, templates }: PlatformSizes): Promise<void> {
  await tx`
    INSERT INTO platform.templates (id, space_id, name, tags, locked, valid_until, created_at, updated_at)
    SELECT
      pg_temp.made_uuid('template', n),
      pg_temp.made_uuid('space', 1 + pg_temp.roll(n, 130, ${spaces})),
      pg_temp.one_of(n, 131, '{Invoice,Rechnung,請求書,"Счёт",Reminder,"Welcome mail"}') || ' ' || n,
      CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '{}'::text[] ELSE ARRAY[pg_temp.one_of(n, 132, ${TOPICS}), NULL, 'v' || n] END,
      n % 13 = 0,
      CASE n % 6 WHEN 0 THEN 'infinity'::date WHEN 1 THEN date '2027-01-31' + n::integer END,
      timestamptz '2025-02-01Z' + n * interval '9 hours',
      timestamptz '2025-10-01Z' + n * interval '3 hours'
    FROM generate_series(1, ${templates}::bigint) AS n`;
  await tx`
    INSERT INTO platform.template_versions (template_id, version, body, attachment, author, created_at)
    SELECT pg_temp.made_uuid('template', n), version,
      CASE WHEN (n + version) % 10 = 0 THEN pg_temp.one_of(n, 133, ${AWKWARD})
        ELSE E'Dear {{name}},\n\n\tthis is version ' || version || E' — für Sie.\n' || repeat('Lorem ipsum 🖋 ', pg_temp.roll(n, 134, 120)) END,
      CASE WHEN n % 5 = 0 THEN decode(repeat(to_hex(16 + n % 240), 40), 'hex') END,
      CASE WHEN n % 6 <> 0 THEN pg_temp.one_of(n + version, 135, ${HANDLES}) END,
      timestamptz '2025-02-01Z' + n * interval '9 hours' + version * interval '1 day'
    FROM generate_series(1, ${templates}::bigint) AS n
      CROSS JOIN generate_series(1, 1 + pg_temp.roll(n, 136, 4)) AS version
    ORDER BY n, version`;
  // The trigger would put the present time in: updated_at is part of what has to be the same each time.
  await tx`ALTER TABLE platform.templates DISABLE TRIGGER templates_touch_updated_at`;
  await tx`
    UPDATE platform.templates SET current_version_id = latest.id
    FROM generate_series(1, ${templates}::bigint) AS n
      CROSS JOIN LATERAL (
        SELECT id FROM platform.template_versions WHERE template_id = pg_temp.made_uuid('template', n)
        ORDER BY version DESC LIMIT 1
      ) AS latest
    WHERE templates.id = pg_temp.made_uuid('template', n) AND n % 8 <> 0`;
  await tx`ALTER TABLE platform.templates ENABLE TRIGGER templates_touch_updated_at`;
}

async function seedVariables(tx: TransactionSql, { spaces, variables }: PlatformSizes): Promise<void> {
  await tx`
    INSERT INTO platform.variables (space_id, name, value, secret_value, expires_on, created_at)
    SELECT
      CASE WHEN n % 4 <> 0 AND ${spaces} > 0 THEN pg_temp.made_uuid('space', 1 + pg_temp.roll(n, 140, ${Math.max(spaces, 1)})) END,
      upper(pg_temp.one_of(n, 141, ${TOPICS})) || '_' || n,
      CASE WHEN n % 3 <> 0 THEN pg_temp.one_of(n, 142, ${AWKWARD}) END,
      CASE WHEN n % 6 = 0 THEN sha256(convert_to('secret' || n, 'UTF8')) WHEN n % 9 = 0 THEN '\\x005c0a09'::bytea END,
      CASE n % 10 WHEN 0 THEN 'infinity'::date WHEN 1 THEN date '2027-06-30' END,
      timestamptz '2025-04-01Z' + n * interval '6 hours'
    FROM generate_series(1, ${variables}::bigint) AS n`;
}

async function seedConfigValues(tx: TransactionSql, { configValues }: PlatformSizes): Promise<void> {
  await tx`
    INSERT INTO platform.config_values (key, value, description, weight, valid_from, updated_at)
    SELECT
      pg_temp.one_of(n, 150, ${TOPICS}) || '.limit.' || n,
      CASE n % 6 WHEN 0 THEN 'null'::jsonb WHEN 1 THEN '12345678901234567890.12345'::jsonb WHEN 2 THEN '""'::jsonb WHEN 3 THEN to_jsonb(n)
        WHEN 4 THEN to_jsonb(pg_temp.one_of(n, 151, ${AWKWARD})) ELSE '{"a": [1, {"b": [true, null, "\\\\ \\" \\t"]}]}' END,
      CASE WHEN n % 3 <> 0 THEN pg_temp.one_of(n, 152, ${AWKWARD}) END,
      CASE n % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN NULL ELSE n * 1.234567 END,
      CASE n % 4 WHEN 0 THEN '-infinity'::timestamptz WHEN 1 THEN '0001-01-01Z' WHEN 2 THEN 'infinity' END,
      timestamptz '2025-05-01Z' + n * interval '2 days'
    FROM generate_series(1, ${configValues}::bigint) AS n`;
}
