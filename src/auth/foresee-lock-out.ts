// Finds out, before a restore of accounts is applied, whether who asks for it could still come in afterwards.
import { getTableName, sql, type SQL } from "drizzle-orm";
import { getTableConfig, type PgTable } from "drizzle-orm/pg-core";
import { OWN_DATABASE, type Catalog, type TableName } from "../core/catalog.ts";
import type { LockOutReason } from "../core/lock-out.ts";
import { groupRoles, groups, roles, tokens, userGroups, userRoles, users } from "../platform/tables.ts";
import { resolvePermissions } from "./permissions.ts";

export interface Restorer {
  readonly userId: string;
  readonly username: string;
  /** Of the token that was used; null: a session. */
  readonly tokenId: string | null;
}

const TABLES = [users, roles, groups, userRoles, userGroups, groupRoles, tokens];

/**
 * As src/postgres/foresight.ts asks it.
 * @param needed permissions that the restore takes: with them its restorer can undo it
 * @param found told in what ways the restorer would be locked out; none where accounts are changed otherwise
 */
export function foreseeLockOut(
  catalog: Catalog,
  restorer: Restorer,
  needed: readonly string[],
  found: (reasons: LockOutReason[]) => void,
) {
  return {
    database: OWN_DATABASE,
    tables: TABLES.map(nameOf),
    question: (rowsThen: (table: TableName, columns: readonly string[]) => SQL): SQL =>
      standingThen(restorer, (table, ...columns) => rowsThen(nameOf(table), columns)),
    consider: ([row]: readonly Record<string, unknown>[]): void =>
      found(reasonsIn(row, catalog, restorer, needed)),
  };
}

const nameOf = (table: PgTable): TableName => ({
  schema: getTableConfig(table).schema ?? "public",
  name: getTableName(table),
});

/** One row, or none where the account is gone. The live tables still are as they were. */
function standingThen(
  { userId, username, tokenId }: Restorer,
  then: (table: PgTable, ...columns: string[]) => SQL,
): SQL {
  const id = sql`${userId}::bigint`;
  return sql`WITH RECURSIVE
    users_then AS (${then(users, "id", "username", "password_hash", "disabled")}),
    roles_then AS (${then(roles, "id", "permissions")}),
    groups_then AS (${then(groups, "id", "parent_id")}),
    user_roles_then AS (${then(userRoles, "user_id", "role_id")}),
    user_groups_then AS (${then(userGroups, "user_id", "group_id")}),
    group_roles_then AS (${then(groupRoles, "group_id", "role_id")}),
    tokens_then AS (${then(tokens, "id", "user_id", "permissions", "expires_at")}),
    membership (group_id) AS (
      SELECT group_id FROM user_groups_then WHERE user_id = ${id}
      UNION
      SELECT above.parent_id FROM groups_then AS above JOIN membership ON above.id = membership.group_id
      WHERE above.parent_id IS NOT NULL
    ), held (role_id) AS (
      SELECT role_id FROM user_roles_then WHERE user_id = ${id}
      UNION
      SELECT role_id FROM group_roles_then JOIN membership USING (group_id)
    )
    SELECT coalesce(account.disabled, false) AS "disabled",
      account.password_hash IS DISTINCT FROM (SELECT password_hash FROM ${users} AS now WHERE now.id = ${id})
        AS "passwordChanged",
      (SELECT coalesce(json_agg(granted.permissions), '[]') FROM roles_then AS granted JOIN held ON granted.id = role_id)
        AS "granted",
      EXISTS (SELECT FROM tokens_then AS own WHERE own.id = ${tokenId}::uuid AND own.user_id = ${id}
        AND coalesce(own.expires_at > now(), true)) AS "tokenIsGood",
      (SELECT to_json(own.permissions) FROM tokens_then AS own WHERE own.id = ${tokenId}::uuid) AS "limits"
    FROM users_then AS account WHERE account.id = ${id} AND account.username = ${username}`;
}

function reasonsIn(
  row: Record<string, unknown> | undefined,
  catalog: Catalog,
  { tokenId }: Restorer,
  needed: readonly string[],
): LockOutReason[] {
  if (row === undefined) return ["ACCOUNT_GONE"];
  const reasons: LockOutReason[] = [];
  if (row["disabled"] === true) reasons.push("ACCOUNT_DISABLED");
  if (tokenId === null && row["passwordChanged"] === true) reasons.push("PASSWORD_CHANGED");
  const granted = resolvePermissions(catalog, listsIn(row["granted"]));
  const [limits] = row["limits"] === null ? [] : listsIn([row["limits"]]);
  if (needed.some((name) => !granted.has(name) || limits?.includes(name) === false))
    reasons.push("PERMISSIONS_LOST");
  if (tokenId !== null && row["tokenIsGood"] !== true) reasons.push("TOKEN_GONE");
  return reasons;
}

/** Lists of texts; whatever else stands there counts for nothing. */
function listsIn(value: unknown): string[][] {
  const lists = Array.isArray(value) ? value : [];
  return lists.map((list: unknown) =>
    Array.isArray(list) ? list.filter((entry) => typeof entry === "string") : [],
  );
}
