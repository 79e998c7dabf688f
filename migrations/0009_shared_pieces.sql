CREATE TYPE "holdfast"."piece_status" AS ENUM('OPEN', 'TAKEN', 'DONE', 'RETURNED');--> statement-breakpoint
CREATE TABLE "holdfast"."pieces" (
	"run_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"number" integer NOT NULL,
	"status" "holdfast"."piece_status" DEFAULT 'OPEN' NOT NULL,
	"task" jsonb NOT NULL,
	"stores" text[] NOT NULL,
	"worker" text,
	"rows" bigint DEFAULT 0 NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"result" jsonb,
	"reason" text,
	"beat_at" timestamp with time zone DEFAULT now() NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pieces_run_id_attempt_number_pk" PRIMARY KEY("run_id","attempt","number")
);
--> statement-breakpoint
CREATE TABLE "holdfast"."workers" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"stores" text[] NOT NULL,
	"places" integer NOT NULL,
	"beat_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "holdfast"."runs" ADD COLUMN "peer_secret" text;--> statement-breakpoint
ALTER TABLE "holdfast"."pieces" ADD CONSTRAINT "pieces_run_id_runs_id_fk" FOREIGN KEY ("run_id") REFERENCES "holdfast"."runs"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "pieces_created" ON "holdfast"."pieces" USING btree ("created_at");--> statement-breakpoint
ALTER TABLE "holdfast"."runs" ADD CONSTRAINT "runs_resting_has_no_peer_secret" CHECK ("holdfast"."runs"."status" = 'RUNNING' or "holdfast"."runs"."peer_secret" is null);