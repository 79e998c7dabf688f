// The built-in catalog: the parts of the platform application whose tables src/platform defines.
import { buildCatalog, type Catalog, type EntityDeclaration } from "./catalog.ts";

const SCHEMA = "platform";

function entity(label: string, permission: string, tables: string[], optIn = false): EntityDeclaration {
  return {
    label,
    tables: tables.map((name) => ({ schema: SCHEMA, name })),
    read: `READ_${permission}`,
    write: `WRITE_${permission}`,
    optIn,
  };
}

/** The platform's entities and groups, with the permissions of the REST contract. */
export const platformCatalog: Catalog = buildCatalog({
  AUTH: {
    USERS: entity("Users with their roles and groups", "ACLS", ["users", "user_roles", "user_groups"]),
    ROLES: entity("Roles", "ACLS", ["roles"]),
    GROUPS: entity("Groups with their roles", "ACLS", ["groups", "group_roles"]),
    TOKENS: entity("Personal access tokens", "ACLS", ["tokens"]),
  },
  CONFIG: {
    PIPELINES: entity("Pipelines with their steps", "PIPELINES", ["pipelines", "pipeline_steps"]),
    TRANSFORMERS: entity("Transformers", "TRANSFORMERS", ["transformers"]),
    ALERTS: entity("Alerts", "ALERTS", ["alerts"]),
  },
  LOGS: {
    STREAMS: entity("Streams with their log entries", "STREAMS", ["streams", "log_entries"]),
  },
  WORKSPACE: {
    TEMPLATES: entity("Templates with their versions", "TEMPLATES", ["templates", "template_versions"]),
    SPACES: entity("Spaces", "SPACES", ["spaces"]),
    VARIABLES: entity("Variables", "VARIABLES", ["variables"]),
    CONFIG_VALUES: entity("Configuration values", "CONFIG_VALUES", ["config_values"], true),
  },
  AUDIT: {
    AUDIT_LOGS: entity("Audit logs", "AUDIT_LOGS", ["audit_logs"], true),
  },
});
