// The built-in catalog: the parts of the platform application whose tables src/platform defines.
import { buildCatalog, type Catalog } from "./catalog.ts";
import { AUDIT_ENTITIES, AUTH_ENTITIES, CONFIG_VALUES, platformEntity as entity } from "./system-catalog.ts";

/** The platform's entities and groups, with the permissions of the REST contract. */
export const platformCatalog: Catalog = buildCatalog({
  AUTH: AUTH_ENTITIES,
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
    CONFIG_VALUES,
  },
  AUDIT: AUDIT_ENTITIES,
});
