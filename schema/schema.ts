// The schema as a whole: every type, built for one catalog.
import type { GraphQLSchema } from "graphql";
import type { Catalog } from "../src/core/catalog.ts";
import { builder } from "./builder.ts";
import "./scalars.ts";
import "./types/account.ts";
import "./types/access-token.ts";
import "./types/catalog.ts";
import "./types/backup.ts";
import "./types/backup-acts.ts";
import "./types/backup-keeping.ts";
import "./types/artifact-acts.ts";
import "./types/schedule.ts";
import "./types/schedule-acts.ts";
import "./types/restore.ts";
import "./types/restore-acts.ts";
import "./types/verification.ts";
import "./types/verification-acts.ts";
import "./types/run-acts.ts";
import "./types/signature.ts";
import "./types/store.ts";
import "./types/delivery.ts";
import "./types/audit-log.ts";

/** @throws Error for a root field that does not say what it requires, or requires what the catalog does not know */
export function buildSchema(catalog: Catalog): GraphQLSchema {
  return builder.toSchema({ catalog, sortSchema: false });
}
