// Whether the header, the index and the manifest of an artifact agree. Pure. What is damaged is found by hashes before
// this; what is whole and still disagrees was put together from different artifacts, or by somebody else.
import type { ObjectSeal } from "../codec/digest.ts";
import {
  HEADER_NAME,
  isPartName,
  KEY_NAME,
  manifestName,
  type ArtifactHeader,
  type ArtifactIndex,
  type Manifest,
} from "../core/artifact.ts";
import { HoldfastError } from "../core/errors.ts";

/** The index's objects by name. */
export type IndexedObjects = ReadonlyMap<string, ObjectSeal>;

/**
 * @throws HoldfastError ARTIFACT_TAMPERED if it is another artifact's, names an object twice, one that no such artifact
 *   has (so no name leads out of its prefix), or leaves one out that each has
 */
export function checkIndex(header: ArtifactHeader, index: ArtifactIndex): IndexedObjects {
  if (index.id !== header.id) throw tampered("The index belongs to another artifact.");
  const required = [HEADER_NAME, manifestName(header.encryption)];
  if (header.encryption !== "NONE") required.push(KEY_NAME);
  const objects = new Map<string, ObjectSeal>();
  for (const object of index.objects) {
    if (objects.has(object.name)) throw tampered(`The index names ${object.name} twice.`);
    if (!required.includes(object.name) && !isPartName(object.name, header.encryption))
      throw tampered(
        `The index names ${JSON.stringify(object.name)}, which is no object of such an artifact.`,
      );
    objects.set(object.name, object);
  }
  for (const name of required) if (!objects.has(name)) throw tampered(`The index does not name ${name}.`);
  return objects;
}

/**
 * @throws HoldfastError ARTIFACT_TAMPERED if the manifest is another artifact's, or its parts are not, one for one,
 *   those of the index; ARTIFACT_CORRUPT if its tables are not the sums of their parts
 */
export function checkManifest(header: ArtifactHeader, objects: IndexedObjects, manifest: Manifest): void {
  if (manifest.id !== header.id || manifest.createdAt !== header.createdAt)
    throw tampered("The manifest belongs to another artifact.");
  const seen = new Set<string>();
  const sums = manifest.tables.map(() => ({ rows: 0, rawBytes: 0 }));
  for (const part of manifest.parts) {
    const object = objects.get(part.name);
    if (object === undefined || !isPartName(part.name, header.encryption))
      throw tampered(`The manifest's ${part.name} is not in the index.`);
    if (object.sha256 !== part.sha256 || object.sizeBytes !== part.sizeBytes)
      throw tampered(`${part.name} is not the part that the manifest names.`);
    if (seen.has(part.name)) throw tampered(`The manifest names ${part.name} twice.`);
    seen.add(part.name);
    const sum = sums[part.table];
    if (sum === undefined) throw new HoldfastError("ARTIFACT_CORRUPT", `${part.name} belongs to no table.`);
    sum.rows += part.rows;
    sum.rawBytes += part.rawBytes;
  }
  for (const name of objects.keys()) {
    if (isPartName(name, header.encryption) && !seen.has(name))
      throw tampered(`The manifest does not know ${name}.`);
  }
  for (const [at, table] of manifest.tables.entries()) {
    if (sums[at]?.rows !== table.rows || sums[at].rawBytes !== table.rawBytes) {
      throw new HoldfastError(
        "ARTIFACT_CORRUPT",
        `The parts of ${table.schema}.${table.name} do not add up to its ${table.rows} rows.`,
      );
    }
  }
}

function tampered(message: string): HoldfastError {
  return new HoldfastError("ARTIFACT_TAMPERED", message);
}
