// Holdfast's own entities, which every catalog has: its accounts and what it keeps of itself, so that it can be backed
// up like anything else.
import type { EntityDeclaration, GroupDeclarations } from "./catalog.ts";

export function platformEntity(
  label: string,
  permission: string,
  tables: readonly string[],
  optIn = false,
): EntityDeclaration {
  return {
    label,
    tables: tables.map((name) => ({ schema: "platform", name })),
    read: `READ_${permission}`,
    write: `WRITE_${permission}`,
    optIn,
  };
}

export const AUTH_ENTITIES = {
  USERS: platformEntity("Users with their roles and groups", "ACLS", ["users", "user_roles", "user_groups"]),
  ROLES: platformEntity("Roles", "ACLS", ["roles"]),
  GROUPS: platformEntity("Groups with their roles", "ACLS", ["groups", "group_roles"]),
  TOKENS: platformEntity("Personal access tokens", "ACLS", ["tokens"]),
};

export const CONFIG_VALUES = platformEntity("Configuration values", "CONFIG_VALUES", ["config_values"], true);

export const AUDIT_ENTITIES = {
  AUDIT_LOGS: platformEntity("Audit logs", "AUDIT_LOGS", ["audit_logs"], true),
};

/** What stands beside the groups of a configuration file. */
export const SYSTEM_GROUPS: GroupDeclarations = {
  AUTH: { ...AUTH_ENTITIES, CONFIG_VALUES },
  AUDIT: AUDIT_ENTITIES,
};
