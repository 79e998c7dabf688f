// The enums: those of the catalog, whose values are filled in when the schema is built, and those that are fixed.
import { RUN_STATUSES } from "../src/core/run.ts";
import { builder } from "./builder.ts";

/** No values yet, but typed as though there were: their internal values are the catalog's names. */
const fromCatalog: Record<string, { description?: string }> = {};

export const EntityEnum = builder.enumType("Entity", { values: fromCatalog });
export const EntityGroupEnum = builder.enumType("EntityGroup", { values: fromCatalog });
export const PermissionEnum = builder.enumType("Permission", { values: fromCatalog });

builder.enumType("Access", { values: ["READ", "WRITE"] });
export const RunStatusEnum = builder.enumType("RunStatus", { values: RUN_STATUSES });
export const EncryptionKindEnum = builder.enumType("EncryptionKind", {
  values: ["NONE", "PASSPHRASE", "RECIPIENTS"],
});

export const RestoreModeEnum = builder.enumType("RestoreMode", {
  values: {
    MERGE: { description: "Overwrites rows that the backup holds, keeps rows that it does not hold." },
    REPLACE: {
      description: "Makes the entity exactly what the backup holds: rows that it does not hold are deleted.",
    },
    INSERT_MISSING: { description: "Inserts rows that are missing, changes none that exist." },
  },
});
