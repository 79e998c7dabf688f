// What stands in the way of a restore, taken out of the error that says so: for who would rather have a list than a sentence.
import { z } from "zod";
import { isHoldfastError } from "../core/errors.ts";
import type { RestoreConflict } from "../core/run.ts";

/** More than a person reads. */
const MAX_CONFLICTS = 50;

const uniqueConflicts = z.object({
  conflicts: z.array(
    z.object({
      ...{ entity: z.string(), table: z.string(), constraint: z.string(), values: z.string() },
      ...{ staged: z.string(), other: z.string(), otherIsLive: z.boolean() },
    }),
  ),
});
const brokenReferences = z.object({
  references: z.array(
    z.object({
      ...{ owner: z.string().nullable(), table: z.string(), constraint: z.string(), rows: z.number() },
      ...{ example: z.string(), references: z.string(), entity: z.string().nullable() },
    }),
  ),
});

/** @returns undefined for an error that is about something else, or knows no particulars */
export function conflictsOf(error: unknown): RestoreConflict[] | undefined {
  if (!isHoldfastError(error)) return undefined;
  if (error.code === "UNIQUE_CONFLICT") {
    const found = uniqueConflicts.safeParse(error.details);
    return found.data?.conflicts.slice(0, MAX_CONFLICTS).map(({ staged, ...conflict }) => ({
      kind: "UNIQUE",
      ...conflict,
      ...{ rows: 1, row: staged, references: null, add: null },
    }));
  }
  if (error.code !== "MISSING_REFERENCES" && error.code !== "STILL_REFERENCED") return undefined;
  const kind = error.code === "MISSING_REFERENCES" ? "MISSING_REFERENCE" : "STILL_REFERENCED";
  const found = brokenReferences.safeParse(error.details);
  return found.data?.references.slice(0, MAX_CONFLICTS).map(({ owner, entity, example, ...reference }) => ({
    kind,
    ...reference,
    ...{ entity: owner, values: example, add: entity, row: null, other: null, otherIsLive: null },
  }));
}
