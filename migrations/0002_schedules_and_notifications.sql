CREATE TYPE "holdfast"."artifact_origin" AS ENUM('MADE', 'IMPORTED', 'FOUND');--> statement-breakpoint
CREATE TYPE "holdfast"."delivery_status" AS ENUM('PENDING', 'DELIVERED', 'FAILED');--> statement-breakpoint
CREATE TABLE "holdfast"."alarms" (
	"event" text NOT NULL,
	"subject" text NOT NULL,
	"raised_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "alarms_event_subject_pk" PRIMARY KEY("event","subject")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."deliveries" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"event" text NOT NULL,
	"target" text NOT NULL,
	"payload" jsonb NOT NULL,
	"status" "holdfast"."delivery_status" DEFAULT 'PENDING' NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"last_error" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "holdfast"."schedules" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"name" text NOT NULL,
	"cron" text NOT NULL,
	"time_zone" text NOT NULL,
	"selection" jsonb NOT NULL,
	"recipients" text[] NOT NULL,
	"stores" text[] NOT NULL,
	"retention" jsonb,
	"enabled" boolean NOT NULL,
	"drill_cron" text,
	"created_by" text,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"settled_until" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"drills_settled_until" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD COLUMN "failed_stores" jsonb DEFAULT '[]'::jsonb NOT NULL;--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD COLUMN "origin" "holdfast"."artifact_origin" DEFAULT 'MADE' NOT NULL;--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD COLUMN "deletion_requested_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD COLUMN "deleted_at" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD COLUMN "deleted_by" text;--> statement-breakpoint
ALTER TABLE "holdfast"."runs" ADD COLUMN "schedule_id" uuid;--> statement-breakpoint
ALTER TABLE "holdfast"."runs" ADD COLUMN "due_at" timestamp (3) with time zone;--> statement-breakpoint
CREATE INDEX "deliveries_pending" ON "holdfast"."deliveries" USING btree ("created_at") WHERE "holdfast"."deliveries"."status" = 'PENDING';--> statement-breakpoint
CREATE UNIQUE INDEX "schedules_name" ON "holdfast"."schedules" USING btree ("name");--> statement-breakpoint
ALTER TABLE "holdfast"."runs" ADD CONSTRAINT "runs_schedule_id_schedules_id_fk" FOREIGN KEY ("schedule_id") REFERENCES "holdfast"."schedules"("id") ON DELETE set null ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "artifacts_to_delete" ON "holdfast"."artifacts" USING btree ("deletion_requested_at") WHERE "holdfast"."artifacts"."deletion_requested_at" is not null and "holdfast"."artifacts"."deleted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "runs_due" ON "holdfast"."runs" USING btree ("schedule_id","kind","due_at") WHERE "holdfast"."runs"."due_at" is not null;--> statement-breakpoint
CREATE INDEX "runs_schedule" ON "holdfast"."runs" USING btree ("schedule_id","created_at" DESC NULLS LAST);