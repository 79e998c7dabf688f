CREATE TABLE "holdfast"."artifact_readers" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL,
	"artifact_id" uuid NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL
);
--> statement-breakpoint
ALTER TABLE "holdfast"."artifact_readers" ADD CONSTRAINT "artifact_readers_artifact_id_artifacts_id_fk" FOREIGN KEY ("artifact_id") REFERENCES "holdfast"."artifacts"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "artifact_readers_artifact" ON "holdfast"."artifact_readers" USING btree ("artifact_id");