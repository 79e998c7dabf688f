CREATE TABLE "holdfast"."trusted_keys" (
	"public_key" text PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"own" boolean DEFAULT false NOT NULL,
	"trusted_by" text,
	"trusted_at" timestamp (3) with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD COLUMN "manifest_sha256" text;--> statement-breakpoint
ALTER TABLE "holdfast"."artifacts" ADD COLUMN "signed_by" text;