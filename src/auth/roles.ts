// The roles that an account holds at this moment, as a column for the queries that identify a caller.
import { sql, type SQL } from "drizzle-orm";
import { groupRoles, groups, roles, userGroups, userRoles, users } from "../platform/tables.ts";

export interface HeldRole {
  readonly name: string;
  readonly permissions: readonly string[];
}

const held = sql<HeldRole[]>`(
  WITH RECURSIVE membership (group_id) AS (
    SELECT ${userGroups.groupId} FROM ${userGroups} WHERE ${userGroups.userId} = ${users.id}
    UNION
    SELECT ${groups.parentId} FROM ${groups} JOIN membership ON ${groups.id} = membership.group_id
    WHERE ${groups.parentId} IS NOT NULL
  ), held (role_id) AS (
    SELECT ${userRoles.roleId} FROM ${userRoles} WHERE ${userRoles.userId} = ${users.id}
    UNION
    SELECT ${groupRoles.roleId} FROM ${groupRoles} JOIN membership ON ${groupRoles.groupId} = membership.group_id
  )
  SELECT coalesce(
    json_agg(json_build_object('name', ${roles.name}, 'permissions', ${roles.permissions}) ORDER BY ${roles.name}),
    '[]')
  FROM ${roles} JOIN held ON ${roles.id} = held.role_id
)`;

/**
 * For a query of `users`, joined or alone: the roles of the row's user, by name. They are those granted to the user, to the
 * user's groups, and to every group above those: a member of a group is a member of its parents. Groups that are each
 * other's parents (nothing but a person's mistake prevents it) count once each.
 * Wrapped once: of what a query of one table selects itself, Drizzle names the columns without their tables.
 */
export const heldRoles: SQL<HeldRole[]> = sql<HeldRole[]>`${held}`;
