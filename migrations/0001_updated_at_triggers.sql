-- Drizzle has no triggers: an update of a user or a template sets updated_at, whoever makes it.
CREATE FUNCTION "platform"."touch_updated_at"() RETURNS trigger
	LANGUAGE plpgsql
AS $$
BEGIN
	NEW.updated_at := now();
	RETURN NEW;
END;
$$;
--> statement-breakpoint
CREATE TRIGGER "users_touch_updated_at" BEFORE UPDATE ON "platform"."users"
	FOR EACH ROW EXECUTE FUNCTION "platform"."touch_updated_at"();
--> statement-breakpoint
CREATE TRIGGER "templates_touch_updated_at" BEFORE UPDATE ON "platform"."templates"
	FOR EACH ROW EXECUTE FUNCTION "platform"."touch_updated_at"();
