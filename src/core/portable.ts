// The portable form: one JSON document that a person and `jq` can read. What it is made of beside the rows, which are
// objects by column, one to a line. docs/portable-form.md describes it for people.
import { z } from "zod";
import { manifestSchema, type Manifest, type ManifestTable } from "./artifact.ts";
import { HoldfastError } from "./errors.ts";

const PORTABLE_VERSION = 1;
export const PORTABLE_FORMAT = "holdfast-portable";

const { id, createdAt, databases, entities, tables } = manifestSchema.shape;
const head = z.object({
  format: z.literal(PORTABLE_FORMAT),
  version: z.int().positive(),
  id,
  createdAt,
  databases,
  entities,
});
/** The document's own members, without its tables. */
export type PortableHead = z.infer<typeof head>;

const tableHead = tables.element.omit({ rows: true, rawBytes: true, rowsHash: true });
/** A table's members, without its rows and their count. */
export type PortableTableHead = z.infer<typeof tableHead>;

export function portableHead(manifest: Manifest): PortableHead {
  const { id, createdAt, databases, entities } = manifest;
  return { format: PORTABLE_FORMAT, version: PORTABLE_VERSION, id, createdAt, databases, entities };
}

export function portableTableHead(table: ManifestTable): PortableTableHead {
  const { entity, database, schema, name, columns, key, foreignKeys, sequences } = table;
  return { entity, database, schema, name, columns, key, foreignKeys, sequences };
}

/** @throws HoldfastError NOT_AN_ARTIFACT for another program's JSON, ARTIFACT_TOO_NEW, ARTIFACT_CORRUPT */
export function parsePortableHead(json: unknown): PortableHead {
  const found = z.looseObject({ format: z.literal(PORTABLE_FORMAT), version: z.unknown() }).safeParse(json);
  if (!found.success)
    throw new HoldfastError("NOT_AN_ARTIFACT", "The JSON does not say that it is a backup of Holdfast's.");
  const { version } = found.data;
  if (typeof version === "number" && version > PORTABLE_VERSION) {
    throw new HoldfastError(
      "ARTIFACT_TOO_NEW",
      `The JSON is of portable version ${version}; this Holdfast reads versions up to ${PORTABLE_VERSION}.`,
    );
  }
  return parsed("The document", head, json);
}

/** @throws HoldfastError ARTIFACT_CORRUPT */
export function parsePortableTableHead(json: unknown): PortableTableHead {
  return parsed("A table of the document", tableHead, json);
}

/**
 * The columns alone, for rows are read before the rest of their table is known.
 * @throws HoldfastError ARTIFACT_CORRUPT
 */
export function parsePortableColumns(json: unknown): PortableTableHead["columns"] {
  return parsed("The columns before a table's rows", tableHead.shape.columns, json);
}

function parsed<T>(what: string, schema: z.ZodType<T>, json: unknown): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  throw new HoldfastError(
    "ARTIFACT_CORRUPT",
    `${what}: not what the portable form holds: ${z.prettifyError(result.error)}`,
  );
}
