// Made-up users, roles, groups, their links, and tokens.
import type { TransactionSql } from "postgres";
import type { PlatformSizes } from "./sizes.ts";
import { AWKWARD, DOMAINS, FIRST_NAMES, HANDLES, LAST_NAMES, TEAMS } from "./words.ts";

const ROLES: readonly (readonly [
  name: string,
  description: string | null,
  permissions: readonly string[],
])[] = [
  ["Auditor", "Reads who did what", ["READ_AUDIT_LOGS"]],
  ["Access manager", "Users, roles, groups and tokens", ["READ_ACLS", "WRITE_ACLS"]],
  ["Pipeline reader", null, ["READ_PIPELINES", "READ_TRANSFORMERS", "READ_ALERTS"]],
  [
    "Pipeline editor",
    "Pipelines and what they are made of",
    [
      "READ_PIPELINES",
      "WRITE_PIPELINES",
      "READ_TRANSFORMERS",
      "WRITE_TRANSFORMERS",
      "READ_ALERTS",
      "WRITE_ALERTS",
    ],
  ],
  ["Log reader", "", ["READ_STREAMS"]],
  ["Log keeper", "Streams and their entries", ["READ_STREAMS", "WRITE_STREAMS"]],
  [
    "Writer",
    "Templates and variables",
    ["READ_TEMPLATES", "WRITE_TEMPLATES", "READ_VARIABLES", "READ_SPACES"],
  ],
  ["Backup operator", "Schedules and retention", ["MANAGE_BACKUPS"]],
  ["Visitor", "May nothing yet", []],
];

export async function seedAccounts(tx: TransactionSql, sizes: PlatformSizes): Promise<void> {
  const roleIds = await seedRoles(tx);
  const userIds = await seedUsers(tx, sizes.users);
  const groupIds = await seedGroups(tx, sizes.groups);
  await tx`
    INSERT INTO platform.user_roles (user_id, role_id, granted_at)
    SELECT DISTINCT ON (member.id, role_id) member.id, role_id, timestamptz '2025-02-01Z' + n * interval '3 hours'
    FROM unnest(${userIds}::bigint[]) WITH ORDINALITY AS member (id, n)
      CROSS JOIN generate_series(1, pg_temp.roll(n, 20, 3)) AS turn
      CROSS JOIN LATERAL (SELECT (${roleIds}::integer[])[1 + pg_temp.roll(n * 4 + turn, 21, ${roleIds.length})]) AS pick (role_id)
    ORDER BY member.id, role_id`;
  if (groupIds.length > 0) {
    await tx`
      INSERT INTO platform.user_groups (user_id, group_id, joined_on)
      SELECT DISTINCT ON (member.id, group_id) member.id, group_id,
        CASE WHEN pg_temp.roll(n, 22, 40) = 0 THEN '-infinity' ELSE date '2024-02-29' + pg_temp.roll(n, 23, 600) END
      FROM unnest(${userIds}::bigint[]) WITH ORDINALITY AS member (id, n)
        CROSS JOIN generate_series(1, 1 + pg_temp.roll(n, 24, 3)) AS turn
        CROSS JOIN LATERAL (SELECT (${groupIds}::integer[])[1 + pg_temp.roll(n * 4 + turn, 25, ${groupIds.length})]) AS pick (group_id)
      ORDER BY member.id, group_id`;
    await tx`
      INSERT INTO platform.group_roles (group_id, role_id)
      SELECT team.id, (${roleIds}::integer[])[1 + pg_temp.roll(n, 26, ${roleIds.length})]
      FROM unnest(${groupIds}::integer[]) WITH ORDINALITY AS team (id, n)
      WHERE n % 4 <> 0`;
  }
  if (userIds.length > 0) await seedTokens(tx, userIds, sizes.tokens);
}

async function seedRoles(tx: TransactionSql): Promise<number[]> {
  const roles = ROLES.map(([name, description, permissions]) => ({ name, description, permissions }));
  const rows = await tx<{ id: number }[]>`
    INSERT INTO platform.roles (name, description, permissions, created_at)
    SELECT name, description, ARRAY(SELECT jsonb_array_elements_text(permissions)), timestamptz '2025-01-01Z'
    FROM jsonb_to_recordset(${JSON.stringify(roles)}::text::jsonb) AS made (name text, description text, permissions jsonb)
    RETURNING id`;
  return rows.map((row) => row.id);
}

async function seedUsers(tx: TransactionSql, count: number): Promise<string[]> {
  const rows = await tx<{ id: string }[]>`
    INSERT INTO platform.users
      (username, email, display_name, password_hash, disabled, preferences, avatar, created_at, updated_at)
    SELECT
      pg_temp.one_of(n, 1, ${HANDLES}) || '.' || n,
      CASE WHEN n % 17 <> 0 THEN pg_temp.one_of(n, 1, ${HANDLES}) || n || '@' || pg_temp.one_of(n, 2, ${DOMAINS}) END,
      CASE WHEN n % 23 = 0 THEN '' ELSE pg_temp.one_of(n, 3, ${FIRST_NAMES}) || ' ' || pg_temp.one_of(n, 4, ${LAST_NAMES}) END,
      CASE WHEN n % 11 <> 0 THEN '$argon2id$v=19$m=19456,t=2,p=1$'
        || rtrim(encode(substr(sha256(convert_to('salt' || n, 'UTF8')), 1, 16), 'base64'), '=') || '$'
        || rtrim(encode(sha256(sha256(convert_to('user' || n, 'UTF8'))), 'base64'), '=') END,
      n % 31 = 0,
      jsonb_build_object(
        'locale', pg_temp.one_of(n, 5, '{en-GB,de-AT,ja-JP,ar-EG,pt-BR,zh-Hant-TW}'),
        'theme', CASE WHEN n % 3 = 0 THEN 'dark' END,
        'notify', jsonb_build_object('email', n % 2 = 0, 'quiet', jsonb_build_array(pg_temp.roll(n, 6, 24), null, 7.50)),
        'signature', pg_temp.one_of(n, 7, ${AWKWARD})),
      CASE WHEN n % 9 = 0 THEN sha256(convert_to('avatar' || n, 'UTF8')) WHEN n % 50 = 0 THEN ''::bytea END,
      timestamptz '2025-01-01Z' + n * interval '97 minutes 0.000123 seconds',
      timestamptz '2025-06-01Z' + n * interval '53 minutes'
    FROM generate_series(1, ${count}::bigint) AS n
    RETURNING id`;
  return rows.map((row) => row.id);
}

/** The first three are roots; each later one hangs under an earlier one, and some under none. */
async function seedGroups(tx: TransactionSql, count: number): Promise<number[]> {
  const rows = await tx<{ id: number }[]>`
    INSERT INTO platform.groups (name, description, created_at)
    SELECT pg_temp.one_of(n, 30, ${TEAMS}) || ' ' || n,
      CASE WHEN n % 3 <> 0 THEN pg_temp.one_of(n, 31, ${AWKWARD}) END,
      timestamptz '2025-01-02Z' + n * interval '1 day'
    FROM generate_series(1, ${count}::bigint) AS n
    RETURNING id`;
  const ids = rows.map((row) => row.id);
  await tx`
    UPDATE platform.groups SET parent_id = (${ids}::integer[])[1 + pg_temp.roll(n, 32, (n - 1)::integer)]
    FROM unnest(${ids}::integer[]) WITH ORDINALITY AS made (id, n)
    WHERE groups.id = made.id AND n > 3 AND n % 6 <> 0`;
  return ids;
}

async function seedTokens(tx: TransactionSql, userIds: readonly string[], count: number): Promise<void> {
  await tx`
    INSERT INTO platform.tokens (id, user_id, name, token_hash, permissions, created_at, expires_at)
    SELECT
      pg_temp.made_uuid('token', n),
      (${userIds}::bigint[])[1 + pg_temp.roll(n, 40, ${userIds.length})],
      pg_temp.one_of(n, 41, '{laptop,CI,"nightly backup",скрипт,""}'),
      sha256(sha256(uuid_send(pg_temp.made_uuid('hash', n)))),
      CASE n % 4 WHEN 0 THEN NULL WHEN 1 THEN '{}' WHEN 2 THEN '{READ_STREAMS}'::text[]
        ELSE '{READ_TEMPLATES,READ_SPACES,READ_VARIABLES}' END,
      timestamptz '2025-03-01Z' + n * interval '5 hours',
      CASE n % 5 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE timestamptz '2027-01-01Z' + n * interval '1 day' END
    FROM generate_series(1, ${count}::bigint) AS n`;
}
