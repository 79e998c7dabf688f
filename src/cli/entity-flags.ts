// The entities of the platform as options, named as people name them.
/** The option, the entity, and what it is. */
export const ENTITY_FLAGS = [
  ["users", "USERS", "users with their roles and groups"],
  ["groups", "GROUPS", "groups with their roles"],
  ["roles", "ROLES", "roles"],
  ["tokens", "TOKENS", "API tokens"],
  ["templates", "TEMPLATES", "templates with their versions"],
  ["spaces", "SPACES", "spaces"],
  ["variables", "VARIABLES", "variables"],
  ["pipelines", "PIPELINES", "pipelines with their steps"],
  ["transformers", "TRANSFORMERS", "transformers"],
  ["alerts", "ALERTS", "alerts"],
  ["streams", "STREAMS", "streams with their log entries"],
  ["audit", "AUDIT_LOGS", "audit logs"],
  ["config", "CONFIG_VALUES", "configuration values"],
] as const;

export type EntityFlag = (typeof ENTITY_FLAGS)[number][0];
