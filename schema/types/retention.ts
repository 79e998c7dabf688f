// Retention: how many backups stay, as it is said and as it is asked for.
import type { Retention } from "../../src/core/retention.ts";
import { builder } from "../builder.ts";

export const RetentionType = builder.objectRef<Retention>("Retention").implement({
  fields: (t) => ({
    keepLast: t.exposeInt("keepLast", { nullable: true }),
    keepDaily: t.exposeInt("keepDaily", { nullable: true }),
    keepWeekly: t.exposeInt("keepWeekly", { nullable: true }),
    keepMonthly: t.exposeInt("keepMonthly", { nullable: true }),
    keepYearly: t.exposeInt("keepYearly", { nullable: true }),
  }),
});

export const RetentionInput = builder.inputType("RetentionInput", {
  description:
    "How many stay: of the newest, and the newest one of each of so many days, weeks, months and years that have any.",
  fields: (t) => ({
    keepLast: t.int(),
    keepDaily: t.int(),
    keepWeekly: t.int(),
    keepMonthly: t.int(),
    keepYearly: t.int(),
  }),
});
