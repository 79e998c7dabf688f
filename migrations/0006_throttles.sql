CREATE TABLE "holdfast"."throttles" (
	"key" text PRIMARY KEY NOT NULL,
	"attempts" integer NOT NULL,
	"ends_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
CREATE INDEX "throttles_ends" ON "holdfast"."throttles" USING btree ("ends_at");