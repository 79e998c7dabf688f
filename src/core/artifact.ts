// What an artifact is made of: the plain objects (header, index), the manifest, and the names of the objects.
// The format is described in docs/artifact-format.md; this file is its only definition in code.
import { z } from "zod";
import { HoldfastError } from "./errors.ts";

export const ARTIFACT_VERSION = 1;

export const HEADER_NAME = "holdfast.json";
export const KEY_NAME = "key.age";
export const INDEX_NAME = "index.json";

export type EncryptionKind = "NONE" | "PASSPHRASE" | "RECIPIENTS";

export function manifestName(encryption: EncryptionKind): string {
  return encryption === "NONE" ? "manifest.json" : "manifest.json.age";
}

/** @param number counts from 1 */
export function partName(number: number, encryption: EncryptionKind): string {
  return `parts/${String(number).padStart(6, "0")}.copy.zst${encryption === "NONE" ? "" : ".age"}`;
}

/** Whether it is, to the letter, what `partName` gives for some number. */
export function isPartName(name: string, encryption: EncryptionKind): boolean {
  const number = Number(/^parts\/(\d{6,12})\./.exec(name)?.[1]);
  return number >= 1 && name === partName(number, encryption);
}

const sizeBytes = z.int().nonnegative();
const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const header = z.object({
  format: z.literal("holdfast"),
  version: z.int().positive(),
  id: z.uuid(),
  createdAt: z.iso.datetime(),
  encryption: z.enum(["NONE", "PASSPHRASE", "RECIPIENTS"]),
  /** The public key that the index is signed with. Left out: it is not signed, or by a version that did not sign. */
  signedBy: z.string().optional(),
});
/** `holdfast.json`: written first, plain, and silent about the contents. */
export type ArtifactHeader = z.infer<typeof header>;

const index = z.object({
  format: z.literal("holdfast-index"),
  version: z.int().positive(),
  id: z.uuid(),
  objects: z.array(z.object({ name: z.string().min(1), sizeBytes, sha256 })),
  /** Ed25519, over what `src/engine/artifact-signature.ts` makes of the rest; both as base64. */
  signature: z.object({ publicKey: z.string(), value: z.string() }).optional(),
});
/** `index.json`: written last; every other object's size and SHA-256 as stored. */
export type ArtifactIndex = z.infer<typeof index>;

const isDistinct = (names: readonly string[]): boolean => new Set(names).size === names.length;

const tableName = z.object({ schema: z.string().min(1), name: z.string().min(1) });

const column = z.object({
  name: z.string().min(1),
  /** As `format_type` prints it, with its schema where it is not built in. */
  type: z.string().min(1),
  nullable: z.boolean(),
  /** The expression of a stored generated column: such a column has no values in the parts. */
  generated: z.string().nullable(),
  identity: z.enum(["ALWAYS", "BY DEFAULT"]).nullable(),
});
export type ColumnShape = z.infer<typeof column>;

const foreignKey = z.object({
  name: z.string().min(1),
  columns: z.array(z.string()).min(1),
  references: tableName,
  referencedColumns: z.array(z.string()).min(1),
  /**
   * false: the database does not promise of every row that it finds another with equal values (NOT VALID, NOT ENFORCED, periods,
   * collations under which different texts are equal). Left out: it does, as far as the version that wrote it looked.
   */
  enforced: z.boolean().optional(),
});
export type ForeignKeyShape = z.infer<typeof foreignKey>;

const sequence = z.object({
  /** The column whose identity or default draws from the sequence. */
  column: z.string().min(1),
  schema: z.string().min(1),
  name: z.string().min(1),
  /** As text, for it may pass 2^53; null when it was never drawn from. */
  lastValue: z
    .string()
    .regex(/^-?\d+$/)
    .nullable(),
});

const table = tableName.extend({
  entity: z.string().min(1),
  database: z.string().min(1),
  /** In the order of the COPY rows, generated columns among them (which the rows leave out). */
  columns: z.array(column),
  /** The columns that rows are matched by: the primary key, or a unique index over columns that are never null; empty: none. */
  key: z.array(z.string()),
  foreignKeys: z.array(foreignKey),
  sequences: z.array(sequence),
  rows: count,
  /** Of the COPY text before compression. */
  rawBytes: sizeBytes,
  /** A hash of the rows that does not depend on their order. Left out by versions that made none; others may be added. */
  rowsHash: z.object({ algorithm: z.string().min(1), value: z.string().min(1) }).optional(),
});
export type ManifestTable = z.infer<typeof table>;

/** A type that is not PostgreSQL's own, as far as tables need it to be made again in an empty database. */
const typeDefinition = z.object({
  database: z.string().min(1),
  schema: z.string().min(1),
  name: z.string().min(1),
  /** ENUM, DOMAIN, COMPOSITE, RANGE or MULTIRANGE (which its range brings along), or EXTENSION; OTHER: cannot be made so. */
  kind: z.string().min(1),
  /** Of an ENUM, in order. */
  labels: z.array(z.string()).optional(),
  /** What a DOMAIN or a RANGE is over, or which RANGE a MULTIRANGE consists of. */
  base: z.string().optional(),
  /** Of a COMPOSITE. */
  attributes: z.array(z.object({ name: z.string().min(1), type: z.string().min(1) })).optional(),
  /** Which EXTENSION it comes with. */
  extension: z.string().optional(),
});
export type TypeDefinition = z.infer<typeof typeDefinition>;

const extension = z.object({
  database: z.string().min(1),
  name: z.string().min(1),
  schema: z.string().min(1),
  version: z.string(),
});
export type ExtensionNeed = z.infer<typeof extension>;

const part = z.object({
  name: z.string().min(1),
  /** Which of `tables` its rows belong to. */
  table: count,
  rows: count,
  rawBytes: sizeBytes,
  /** Size and hash of the object as stored. */
  sizeBytes,
  sha256,
});
export type ManifestPart = z.infer<typeof part>;

const manifest = z
  .object({
    format: z.literal("holdfast-manifest"),
    version: z.int().positive(),
    id: z.uuid(),
    createdAt: z.iso.datetime(),
    databases: z.array(
      z.object({
        name: z.string().min(1),
        /** As `server_version` prints it. */
        serverVersion: z.string(),
        encoding: z.string(),
        /** When the snapshot was taken: every row is as it was then. */
        snapshotAt: z.iso.datetime(),
      }),
    ),
    entities: z.array(z.object({ name: z.string().min(1), group: z.string().min(1), label: z.string() })),
    tables: z.array(table),
    /** Types of the columns, those that others are made of before them. Left out by versions that did not describe them. */
    types: z.array(typeDefinition).optional(),
    /** Extensions that types come with. */
    extensions: z.array(extension).optional(),
    parts: z.array(part),
  })
  .refine((value) => value.parts.every((entry) => entry.table < value.tables.length), "a part of no table")
  .refine(
    ({ tables }) => tables.every(({ columns }) => isDistinct(columns.map(({ name }) => name))),
    "a column twice",
  )
  .refine(
    ({ tables }) =>
      isDistinct(tables.map(({ database, schema, name }) => JSON.stringify([database, schema, name]))),
    "a table twice",
  );
/** For the portable form, which says the same of databases, entities and tables. */
export { manifest as manifestSchema };
/** `manifest.json[.age]`: written after every part. */
export type Manifest = z.infer<typeof manifest>;

/** @throws HoldfastError NOT_AN_ARTIFACT for something else's file, ARTIFACT_TOO_NEW, ARTIFACT_CORRUPT */
export const parseHeader = (json: unknown): ArtifactHeader => parse(HEADER_NAME, "holdfast", header, json);
/** Throws as `parseHeader` does. */
export const parseIndex = (json: unknown): ArtifactIndex => parse(INDEX_NAME, "holdfast-index", index, json);
/** Throws as `parseHeader` does. */
export const parseManifest = (json: unknown): Manifest =>
  parse("manifest.json", "holdfast-manifest", manifest, json);

/** Refuses what is newer before it looks at the rest: a newer version may have any shape. */
function parse<T>(name: string, format: string, schema: z.ZodType<T>, json: unknown): T {
  const found = z.looseObject({ format: z.literal(format), version: z.unknown() }).safeParse(json);
  if (!found.success)
    throw new HoldfastError("NOT_AN_ARTIFACT", `${name} does not say that it is Holdfast's.`);
  const { version } = found.data;
  if (typeof version === "number" && version > ARTIFACT_VERSION) {
    throw new HoldfastError(
      "ARTIFACT_TOO_NEW",
      `${name} is of artifact version ${version}; this Holdfast reads versions up to ${ARTIFACT_VERSION}.`,
    );
  }
  const result = schema.safeParse(json);
  if (!result.success) {
    throw new HoldfastError(
      "ARTIFACT_CORRUPT",
      `${name} is not what an artifact holds: ${z.prettifyError(result.error)}`,
    );
  }
  return result.data;
}
