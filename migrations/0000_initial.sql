CREATE SCHEMA "holdfast";
--> statement-breakpoint
CREATE SCHEMA "platform";
--> statement-breakpoint
CREATE TYPE "holdfast"."run_kind" AS ENUM('BACKUP', 'RESTORE', 'VERIFICATION');--> statement-breakpoint
CREATE TYPE "holdfast"."run_status" AS ENUM('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELLED');--> statement-breakpoint
CREATE TYPE "platform"."alert_severity" AS ENUM('INFO', 'WARNING', 'CRITICAL');--> statement-breakpoint
CREATE TYPE "platform"."log_level" AS ENUM('TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL');--> statement-breakpoint
CREATE TYPE "platform"."pipeline_status" AS ENUM('DRAFT', 'ACTIVE', 'PAUSED');--> statement-breakpoint
CREATE TYPE "platform"."stream_kind" AS ENUM('LOGS', 'METRICS', 'TRACES');--> statement-breakpoint
CREATE TYPE "platform"."transformer_kind" AS ENUM('FILTER', 'MAP', 'ENRICH', 'AGGREGATE');--> statement-breakpoint
CREATE TABLE "holdfast"."artifacts" (
	"id" uuid PRIMARY KEY NOT NULL,
	"run_id" uuid NOT NULL,
	"encryption" text NOT NULL,
	"stores" text[] NOT NULL,
	"contents" jsonb NOT NULL,
	"size_bytes" bigint NOT NULL,
	"raw_bytes" bigint NOT NULL,
	"rows" bigint NOT NULL,
	"pinned" boolean DEFAULT false NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "holdfast"."installation" (
	"only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"id" uuid DEFAULT gen_random_uuid() NOT NULL,
	CONSTRAINT "installation_has_one_row" CHECK ("holdfast"."installation"."only")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."runs" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"kind" "holdfast"."run_kind" NOT NULL,
	"status" "holdfast"."run_status" DEFAULT 'QUEUED' NOT NULL,
	"entities" text[] NOT NULL,
	"request" jsonb NOT NULL,
	"outcome" jsonb,
	"progress" jsonb NOT NULL,
	"sealed_secret" text,
	"requested_by_id" text,
	"requested_by" text,
	"idempotency_key" text,
	"attempt" integer DEFAULT 0 NOT NULL,
	"failed_attempts" integer DEFAULT 0 NOT NULL,
	"unfinished_id" uuid,
	"revision" integer DEFAULT 0 NOT NULL,
	"cancel_requested_at" timestamp (3) with time zone,
	"heartbeat_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"error_code" text,
	"error_message" text,
	"error_hint" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp (3) with time zone,
	"finished_at" timestamp (3) with time zone,
	CONSTRAINT "runs_final_is_finished" CHECK (("holdfast"."runs"."finished_at" is null) = ("holdfast"."runs"."status" in ('QUEUED', 'RUNNING'))),
	CONSTRAINT "runs_final_has_no_secret" CHECK ("holdfast"."runs"."finished_at" is null or "holdfast"."runs"."sealed_secret" is null)
);
--> statement-breakpoint
CREATE TABLE "holdfast"."sessions" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"ended_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "holdfast"."token_uses" (
	"token_id" uuid PRIMARY KEY NOT NULL,
	"last_used_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "platform"."alerts" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform"."alerts_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1000 CACHE 1),
	"name" text NOT NULL,
	"stream_name" text NOT NULL,
	"pipeline_id" uuid,
	"severity" "platform"."alert_severity" NOT NULL,
	"condition" jsonb NOT NULL,
	"threshold" numeric,
	"ratio" double precision,
	"evaluation_window" interval NOT NULL,
	"quiet_from" time,
	"muted_until" timestamp with time zone,
	"channels" text[] NOT NULL,
	"last_fired_on" date,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "alerts_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "platform"."audit_logs" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform"."audit_logs_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"actor" text,
	"action" text NOT NULL,
	"target" text,
	"ip" "inet",
	"details" jsonb
);
--> statement-breakpoint
CREATE TABLE "platform"."config_values" (
	"key" text PRIMARY KEY NOT NULL,
	"value" jsonb NOT NULL,
	"description" text,
	"weight" numeric(20, 6),
	"valid_from" timestamp with time zone,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "platform"."group_roles" (
	"group_id" integer NOT NULL,
	"role_id" integer NOT NULL,
	CONSTRAINT "group_roles_group_id_role_id_pk" PRIMARY KEY("group_id","role_id")
);
--> statement-breakpoint
CREATE TABLE "platform"."groups" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform"."groups_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"description" text,
	"parent_id" integer,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "groups_name_unique" UNIQUE("name"),
	CONSTRAINT "groups_not_own_parent" CHECK ("platform"."groups"."parent_id" <> "platform"."groups"."id")
);
--> statement-breakpoint
CREATE TABLE "platform"."log_entries" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform"."log_entries_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"stream_id" integer NOT NULL,
	"at" timestamp with time zone DEFAULT now() NOT NULL,
	"level" "platform"."log_level" NOT NULL,
	"message" text NOT NULL,
	"attributes" jsonb,
	"source" "inet",
	"duration_ms" numeric(12, 3),
	"trace_id" uuid,
	"tags" text[]
);
--> statement-breakpoint
CREATE TABLE "platform"."pipeline_steps" (
	"pipeline_id" uuid NOT NULL,
	"position" smallint NOT NULL,
	"transformer_id" integer NOT NULL,
	"settings" jsonb,
	"timeout" interval,
	CONSTRAINT "pipeline_steps_pipeline_id_position_pk" PRIMARY KEY("pipeline_id","position")
);
--> statement-breakpoint
CREATE TABLE "platform"."pipelines" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"stream_name" text NOT NULL,
	"status" "platform"."pipeline_status" DEFAULT 'DRAFT' NOT NULL,
	"settings" jsonb DEFAULT '{}' NOT NULL,
	"batch_size" integer DEFAULT 500 NOT NULL,
	"flush_after" interval DEFAULT '5 seconds' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pipelines_name_unique" UNIQUE("name"),
	CONSTRAINT "pipelines_batch_size" CHECK ("platform"."pipelines"."batch_size" BETWEEN 1 AND 100000)
);
--> statement-breakpoint
CREATE TABLE "platform"."roles" (
	"id" integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (sequence name "platform"."roles_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"description" text,
	"permissions" text[] DEFAULT '{}' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "roles_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "platform"."spaces" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"description" text,
	"settings" jsonb DEFAULT '{}' NOT NULL,
	"quota_bytes" bigint,
	"archived_on" date,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "spaces_slug_unique" UNIQUE("slug"),
	CONSTRAINT "spaces_slug" CHECK ("platform"."spaces"."slug" ~ '^[a-z0-9-]+$')
);
--> statement-breakpoint
CREATE TABLE "platform"."streams" (
	"id" integer PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (sequence name "platform"."streams_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"name" text NOT NULL,
	"kind" "platform"."stream_kind" DEFAULT 'LOGS' NOT NULL,
	"retention" interval,
	"partition_keys" text[] DEFAULT '{}' NOT NULL,
	"allowed_from" "cidr",
	"settings" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "streams_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "platform"."template_versions" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "platform"."template_versions_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"template_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"body" text NOT NULL,
	"body_chars" integer GENERATED ALWAYS AS (char_length(body)) STORED,
	"attachment" "bytea",
	"author" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "template_versions_template_version" UNIQUE("template_id","version"),
	CONSTRAINT "template_versions_version_positive" CHECK ("platform"."template_versions"."version" > 0)
);
--> statement-breakpoint
CREATE TABLE "platform"."templates" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"space_id" uuid NOT NULL,
	"name" text NOT NULL,
	"tags" text[],
	"current_version_id" bigint,
	"locked" boolean DEFAULT false NOT NULL,
	"valid_until" date,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "templates_space_name" UNIQUE("space_id","name")
);
--> statement-breakpoint
CREATE TABLE "platform"."tokens" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"user_id" bigint NOT NULL,
	"name" text NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"permissions" text[],
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone,
	CONSTRAINT "tokens_token_hash_unique" UNIQUE("token_hash"),
	CONSTRAINT "tokens_hash_is_sha256" CHECK (octet_length("platform"."tokens"."token_hash") = 32)
);
--> statement-breakpoint
CREATE TABLE "platform"."transformers" (
	"id" serial PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"kind" "platform"."transformer_kind" NOT NULL,
	"source" text NOT NULL,
	"arguments" text[] DEFAULT '{}' NOT NULL,
	"window_sizes" integer[],
	"version" numeric(6, 2) DEFAULT '1.00' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "transformers_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "platform"."user_groups" (
	"user_id" bigint NOT NULL,
	"group_id" integer NOT NULL,
	"joined_on" date DEFAULT CURRENT_DATE NOT NULL,
	CONSTRAINT "user_groups_user_id_group_id_pk" PRIMARY KEY("user_id","group_id")
);
--> statement-breakpoint
CREATE TABLE "platform"."user_roles" (
	"user_id" bigint NOT NULL,
	"role_id" integer NOT NULL,
	"granted_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "user_roles_user_id_role_id_pk" PRIMARY KEY("user_id","role_id")
);
--> statement-breakpoint
CREATE TABLE "platform"."users" (
	"id" bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (sequence name "platform"."users_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"username" text NOT NULL,
	"email" text,
	"display_name" text DEFAULT '' NOT NULL,
	"password_hash" text,
	"disabled" boolean DEFAULT false NOT NULL,
	"preferences" jsonb DEFAULT '{}' NOT NULL,
	"avatar" "bytea",
	"email_domain" text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "users_username_unique" UNIQUE("username"),
	CONSTRAINT "users_email_unique" UNIQUE("email"),
	CONSTRAINT "users_username_not_empty" CHECK ("platform"."users"."username" <> '')
);
--> statement-breakpoint
CREATE TABLE "platform"."variables" (
	"id" bigint PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY (sequence name "platform"."variables_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"space_id" uuid,
	"name" text NOT NULL,
	"value" text,
	"secret_value" "bytea",
	"expires_on" date,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "variables_one_value" CHECK ("platform"."variables"."value" IS NULL OR "platform"."variables"."secret_value" IS NULL)
);
--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD CONSTRAINT "artifacts_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "holdfast"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."alerts" ADD CONSTRAINT "alerts_pipeline_id_pipelines_id_fk" FOREIGN KEY ("pipeline_id") REFERENCES "platform"."pipelines"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."group_roles" ADD CONSTRAINT "group_roles_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "platform"."groups"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."group_roles" ADD CONSTRAINT "group_roles_role_id_roles_id_fk" FOREIGN KEY ("role_id") REFERENCES "platform"."roles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."groups" ADD CONSTRAINT "groups_parent_id_groups_id_fk" FOREIGN KEY ("parent_id") REFERENCES "platform"."groups"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."log_entries" ADD CONSTRAINT "log_entries_stream_id_streams_id_fk" FOREIGN KEY ("stream_id") REFERENCES "platform"."streams"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."pipeline_steps" ADD CONSTRAINT "pipeline_steps_pipeline_id_pipelines_id_fk" FOREIGN KEY ("pipeline_id") REFERENCES "platform"."pipelines"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."pipeline_steps" ADD CONSTRAINT "pipeline_steps_transformer_id_transformers_id_fk" FOREIGN KEY ("transformer_id") REFERENCES "platform"."transformers"("id") ON DELETE restrict ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."template_versions" ADD CONSTRAINT "template_versions_template_id_templates_id_fk" FOREIGN KEY ("template_id") REFERENCES "platform"."templates"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."templates" ADD CONSTRAINT "templates_space_id_spaces_id_fk" FOREIGN KEY ("space_id") REFERENCES "platform"."spaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."templates" ADD CONSTRAINT "templates_current_version" FOREIGN KEY ("current_version_id") REFERENCES "platform"."template_versions"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."tokens" ADD CONSTRAINT "tokens_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "platform"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."user_groups" ADD CONSTRAINT "user_groups_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "platform"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."user_groups" ADD CONSTRAINT "user_groups_group_id_groups_id_fk" FOREIGN KEY ("group_id") REFERENCES "platform"."groups"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."user_roles" ADD CONSTRAINT "user_roles_user_id_users_id_fk" FOREIGN KEY ("user_id") REFERENCES "platform"."users"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."user_roles" ADD CONSTRAINT "user_roles_role_id_roles_id_fk" FOREIGN KEY ("role_id") REFERENCES "platform"."roles"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "platform"."variables" ADD CONSTRAINT "variables_space_id_spaces_id_fk" FOREIGN KEY ("space_id") REFERENCES "platform"."spaces"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE UNIQUE INDEX "artifacts_run" ON "holdfast"."artifacts" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "runs_kind_created" ON "holdfast"."runs" USING btree ("kind","created_at" DESC NULLS LAST,"id" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "runs_unfinished" ON "holdfast"."runs" USING btree ("heartbeat_at") WHERE "holdfast"."runs"."finished_at" is null;--> statement-breakpoint
CREATE INDEX "runs_finished" ON "holdfast"."runs" USING btree ("finished_at");--> statement-breakpoint
CREATE INDEX "runs_remains" ON "holdfast"."runs" USING btree ("id") WHERE "holdfast"."runs"."unfinished_id" is not null;--> statement-breakpoint
CREATE UNIQUE INDEX "runs_idempotency" ON "holdfast"."runs" USING btree ("requested_by_id","kind","idempotency_key") WHERE "holdfast"."runs"."idempotency_key" is not null;--> statement-breakpoint
CREATE INDEX "sessions_user" ON "holdfast"."sessions" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "alerts_pipeline" ON "platform"."alerts" USING btree ("pipeline_id");--> statement-breakpoint
CREATE INDEX "audit_logs_at" ON "platform"."audit_logs" USING btree ("at");--> statement-breakpoint
CREATE INDEX "group_roles_role" ON "platform"."group_roles" USING btree ("role_id");--> statement-breakpoint
CREATE INDEX "groups_parent" ON "platform"."groups" USING btree ("parent_id");--> statement-breakpoint
CREATE INDEX "log_entries_stream_at" ON "platform"."log_entries" USING btree ("stream_id","at" DESC NULLS LAST);--> statement-breakpoint
CREATE INDEX "pipeline_steps_transformer" ON "platform"."pipeline_steps" USING btree ("transformer_id");--> statement-breakpoint
CREATE INDEX "pipelines_active" ON "platform"."pipelines" USING btree ("stream_name") WHERE "platform"."pipelines"."status" = 'ACTIVE';--> statement-breakpoint
CREATE INDEX "templates_current_version_id" ON "platform"."templates" USING btree ("current_version_id");--> statement-breakpoint
CREATE INDEX "templates_tags" ON "platform"."templates" USING gin ("tags");--> statement-breakpoint
CREATE INDEX "tokens_user" ON "platform"."tokens" USING btree ("user_id");--> statement-breakpoint
CREATE INDEX "user_groups_group" ON "platform"."user_groups" USING btree ("group_id");--> statement-breakpoint
CREATE INDEX "user_roles_role" ON "platform"."user_roles" USING btree ("role_id");--> statement-breakpoint
CREATE INDEX "users_email_domain" ON "platform"."users" USING btree ("email_domain");--> statement-breakpoint
CREATE UNIQUE INDEX "variables_space_name" ON "platform"."variables" USING btree ("space_id","name") WHERE "platform"."variables"."space_id" IS NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "variables_global_name" ON "platform"."variables" USING btree ("name") WHERE "platform"."variables"."space_id" IS NULL;