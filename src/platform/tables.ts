// The platform's accounts and workspace, in the schema `platform` of Holdfast's own database: what the built-in catalog
// backs up. Column types, keys and references are varied on purpose, so that a backup of it is a backup of most things
// that PostgreSQL applications do. Foreign keys stay inside a group of the catalog: each group's file can be restored
// into an empty database by itself, in any order. A row of another group is named (`streamName`), not referenced.
import { sql } from "drizzle-orm";
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  cidr,
  customType,
  date,
  doublePrecision,
  foreignKey,
  index,
  inet,
  integer,
  interval,
  jsonb,
  numeric,
  pgSchema,
  primaryKey,
  serial,
  smallint,
  text,
  time,
  timestamp,
  unique,
  uniqueIndex,
  uuid,
} from "drizzle-orm/pg-core";

export const platform = pgSchema("platform");

/** A JSON document whose shape is the business of the application that wrote it. */
type Json = Readonly<Record<string, unknown>>;

const at = (name: string) => timestamp(name, { withTimezone: true });
const id64 = (name: string) => bigint(name, { mode: "bigint" });
const bytea = customType<{ data: Uint8Array }>({ dataType: () => "bytea" });

// ---- AUTH: accounts. Those who sign in to Holdfast are these users.

export const users = platform.table(
  "users",
  {
    id: id64("id").primaryKey().generatedByDefaultAsIdentity(),
    username: text().notNull().unique(),
    email: text().unique(),
    displayName: text("display_name").notNull().default(""),
    /** argon2id in its encoded form; null: cannot sign in by password. */
    passwordHash: text("password_hash"),
    disabled: boolean().notNull().default(false),
    preferences: jsonb()
      .$type<Json>()
      .notNull()
      .default(sql`'{}'`),
    avatar: bytea(),
    emailDomain: text("email_domain").generatedAlwaysAs(sql`split_part(email, '@', 2)`),
    createdAt: at("created_at").notNull().defaultNow(),
    /** Set by a trigger at every update. */
    updatedAt: at("updated_at").notNull().defaultNow(),
  },
  (table) => [
    check("users_username_not_empty", sql`${table.username} <> ''`),
    index("users_email_domain").on(table.emailDomain),
  ],
);

export const roles = platform.table("roles", {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  name: text().notNull().unique(),
  description: text(),
  /** Names of the catalog's permissions; `*` stands for every one of them. */
  permissions: text()
    .array()
    .notNull()
    .default(sql`'{}'`),
  createdAt: at("created_at").notNull().defaultNow(),
});

/** A member of a group is a member of its parents too, and has the roles of all of them. */
export const groups = platform.table(
  "groups",
  {
    id: integer().primaryKey().generatedAlwaysAsIdentity(),
    name: text().notNull().unique(),
    description: text(),
    parentId: integer("parent_id").references((): AnyPgColumn => groups.id, { onDelete: "set null" }),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [
    check("groups_not_own_parent", sql`${table.parentId} <> ${table.id}`),
    index("groups_parent").on(table.parentId),
  ],
);

export const userRoles = platform.table(
  "user_roles",
  {
    userId: id64("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    roleId: integer("role_id")
      .notNull()
      .references(() => roles.id, { onDelete: "cascade" }),
    grantedAt: at("granted_at").notNull().defaultNow(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.roleId] }),
    index("user_roles_role").on(table.roleId),
  ],
);

export const userGroups = platform.table(
  "user_groups",
  {
    userId: id64("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    groupId: integer("group_id")
      .notNull()
      .references(() => groups.id, { onDelete: "cascade" }),
    joinedOn: date("joined_on")
      .notNull()
      .default(sql`CURRENT_DATE`),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.groupId] }),
    index("user_groups_group").on(table.groupId),
  ],
);

export const groupRoles = platform.table(
  "group_roles",
  {
    groupId: integer("group_id")
      .notNull()
      .references(() => groups.id, { onDelete: "cascade" }),
    roleId: integer("role_id")
      .notNull()
      .references(() => roles.id, { onDelete: "cascade" }),
  },
  (table) => [
    primaryKey({ columns: [table.groupId, table.roleId] }),
    index("group_roles_role").on(table.roleId),
  ],
);

/** Personal access tokens: of the token itself only the hash is kept. Their use is in the ledger: it is no change. */
export const tokens = platform.table(
  "tokens",
  {
    id: uuid().primaryKey().defaultRandom(),
    userId: id64("user_id")
      .notNull()
      .references(() => users.id, { onDelete: "cascade" }),
    name: text().notNull(),
    /** SHA-256 of the token's text. */
    tokenHash: bytea("token_hash").notNull().unique(),
    /** What the token may do of what its owner may; null: all of it, whatever that is at the time. */
    permissions: text().array(),
    createdAt: at("created_at").notNull().defaultNow(),
    expiresAt: at("expires_at"),
  },
  (table) => [
    check("tokens_hash_is_sha256", sql`octet_length(${table.tokenHash}) = 32`),
    index("tokens_user").on(table.userId),
  ],
);

// ---- CONFIG: how log entries are worked on.

export const transformerKind = platform.enum("transformer_kind", ["FILTER", "MAP", "ENRICH", "AGGREGATE"]);

export const transformers = platform.table("transformers", {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  kind: transformerKind().notNull(),
  /** A script, with whatever line ends and tabs its author used. */
  source: text().notNull(),
  arguments: text()
    .array()
    .notNull()
    .default(sql`'{}'`),
  windowSizes: integer("window_sizes").array(),
  version: numeric({ precision: 6, scale: 2 }).notNull().default("1.00"),
  createdAt: at("created_at").notNull().defaultNow(),
});

export const pipelineStatus = platform.enum("pipeline_status", ["DRAFT", "ACTIVE", "PAUSED"]);

export const pipelines = platform.table(
  "pipelines",
  {
    id: uuid().primaryKey().defaultRandom(),
    name: text().notNull().unique(),
    description: text(),
    streamName: text("stream_name").notNull(),
    status: pipelineStatus().notNull().default("DRAFT"),
    settings: jsonb()
      .$type<Json>()
      .notNull()
      .default(sql`'{}'`),
    batchSize: integer("batch_size").notNull().default(500),
    flushAfter: interval("flush_after").notNull().default("5 seconds"),
    createdAt: at("created_at").notNull().defaultNow(),
    updatedAt: at("updated_at").notNull().defaultNow(),
  },
  (table) => [
    check("pipelines_batch_size", sql`${table.batchSize} BETWEEN 1 AND 100000`),
    index("pipelines_active")
      .on(table.streamName)
      .where(sql`${table.status} = 'ACTIVE'`),
  ],
);

export const pipelineSteps = platform.table(
  "pipeline_steps",
  {
    pipelineId: uuid("pipeline_id")
      .notNull()
      .references(() => pipelines.id, { onDelete: "cascade" }),
    position: smallint().notNull(),
    transformerId: integer("transformer_id")
      .notNull()
      .references(() => transformers.id, { onDelete: "restrict" }),
    settings: jsonb().$type<Json>(),
    timeout: interval(),
  },
  (table) => [
    primaryKey({ columns: [table.pipelineId, table.position] }),
    index("pipeline_steps_transformer").on(table.transformerId),
  ],
);

export const alertSeverity = platform.enum("alert_severity", ["INFO", "WARNING", "CRITICAL"]);

export const alerts = platform.table(
  "alerts",
  {
    id: id64("id").primaryKey().generatedAlwaysAsIdentity({ startWith: 1000 }),
    name: text().notNull().unique(),
    streamName: text("stream_name").notNull(),
    pipelineId: uuid("pipeline_id").references(() => pipelines.id, { onDelete: "set null" }),
    severity: alertSeverity().notNull(),
    condition: jsonb().$type<Json>().notNull(),
    threshold: numeric(),
    ratio: doublePrecision(),
    evaluationWindow: interval("evaluation_window").notNull(),
    quietFrom: time("quiet_from"),
    mutedUntil: at("muted_until"),
    /** Who is told; a null among them holds the place of a channel that was removed. */
    channels: text().array().notNull(),
    lastFiredOn: date("last_fired_on"),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [index("alerts_pipeline").on(table.pipelineId)],
);

// ---- LOGS

export const streamKind = platform.enum("stream_kind", ["LOGS", "METRICS", "TRACES"]);
export const logLevel = platform.enum("log_level", ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]);

export const streams = platform.table("streams", {
  id: integer().primaryKey().generatedByDefaultAsIdentity(),
  name: text().notNull().unique(),
  kind: streamKind().notNull().default("LOGS"),
  retention: interval(),
  partitionKeys: text("partition_keys")
    .array()
    .notNull()
    .default(sql`'{}'`),
  allowedFrom: cidr("allowed_from"),
  settings: jsonb().$type<Json>(),
  createdAt: at("created_at").notNull().defaultNow(),
});

export const logEntries = platform.table(
  "log_entries",
  {
    id: id64("id").primaryKey().generatedAlwaysAsIdentity(),
    streamId: integer("stream_id")
      .notNull()
      .references(() => streams.id, { onDelete: "cascade" }),
    at: at("at").notNull().defaultNow(),
    level: logLevel().notNull(),
    message: text().notNull(),
    attributes: jsonb().$type<Json>(),
    source: inet(),
    durationMs: numeric("duration_ms", { precision: 12, scale: 3 }),
    traceId: uuid("trace_id"),
    tags: text().array(),
  },
  (table) => [index("log_entries_stream_at").on(table.streamId, table.at.desc())],
);

// ---- WORKSPACE

export const spaces = platform.table(
  "spaces",
  {
    id: uuid().primaryKey().defaultRandom(),
    slug: text().notNull().unique(),
    name: text().notNull(),
    description: text(),
    settings: jsonb()
      .$type<Json>()
      .notNull()
      .default(sql`'{}'`),
    quotaBytes: id64("quota_bytes"),
    archivedOn: date("archived_on"),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [check("spaces_slug", sql`${table.slug} ~ '^[a-z0-9-]+$'`)],
);

/** A template names its current version and a version its template: a cycle of foreign keys. */
export const templates = platform.table(
  "templates",
  {
    id: uuid().primaryKey().defaultRandom(),
    spaceId: uuid("space_id")
      .notNull()
      .references(() => spaces.id, { onDelete: "cascade" }),
    name: text().notNull(),
    tags: text().array(),
    currentVersionId: id64("current_version_id"),
    locked: boolean().notNull().default(false),
    validUntil: date("valid_until"),
    createdAt: at("created_at").notNull().defaultNow(),
    /** Set by a trigger at every update. */
    updatedAt: at("updated_at").notNull().defaultNow(),
  },
  (table) => [
    unique("templates_space_name").on(table.spaceId, table.name),
    foreignKey({
      name: "templates_current_version",
      columns: [table.currentVersionId],
      foreignColumns: [templateVersions.id],
    }).onDelete("set null"),
    index("templates_current_version_id").on(table.currentVersionId),
    index("templates_tags").using("gin", table.tags),
  ],
);

export const templateVersions = platform.table(
  "template_versions",
  {
    id: id64("id").primaryKey().generatedAlwaysAsIdentity(),
    templateId: uuid("template_id")
      .notNull()
      .references((): AnyPgColumn => templates.id, { onDelete: "cascade" }),
    version: integer().notNull(),
    body: text().notNull(),
    bodyChars: integer("body_chars").generatedAlwaysAs(sql`char_length(body)`),
    attachment: bytea(),
    author: text(),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [
    unique("template_versions_template_version").on(table.templateId, table.version),
    check("template_versions_version_positive", sql`${table.version} > 0`),
  ],
);

export const variables = platform.table(
  "variables",
  {
    id: id64("id").primaryKey().generatedByDefaultAsIdentity(),
    /** Null: the variable holds in every space. */
    spaceId: uuid("space_id").references(() => spaces.id, { onDelete: "cascade" }),
    name: text().notNull(),
    value: text(),
    secretValue: bytea("secret_value"),
    expiresOn: date("expires_on"),
    createdAt: at("created_at").notNull().defaultNow(),
  },
  (table) => [
    uniqueIndex("variables_space_name")
      .on(table.spaceId, table.name)
      .where(sql`${table.spaceId} IS NOT NULL`),
    uniqueIndex("variables_global_name")
      .on(table.name)
      .where(sql`${table.spaceId} IS NULL`),
    check("variables_one_value", sql`${table.value} IS NULL OR ${table.secretValue} IS NULL`),
  ],
);

export const configValues = platform.table("config_values", {
  key: text().primaryKey(),
  value: jsonb().notNull(),
  description: text(),
  weight: numeric({ precision: 20, scale: 6 }),
  validFrom: at("valid_from"),
  updatedAt: at("updated_at").notNull().defaultNow(),
});

// ---- AUDIT

/** Who did what; Holdfast's own acts too. The actor is a name: a record outlives the account. */
export const auditLogs = platform.table(
  "audit_logs",
  {
    id: id64("id").primaryKey().generatedAlwaysAsIdentity(),
    at: at("at").notNull().defaultNow(),
    actor: text(),
    action: text().notNull(),
    target: text(),
    ip: inet(),
    details: jsonb().$type<Json>(),
  },
  (table) => [index("audit_logs_at").on(table.at)],
);
