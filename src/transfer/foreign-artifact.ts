// What an artifact that was made elsewhere says of itself, in the ledger's words.
import type { EncryptionKind } from "../core/artifact.ts";
import type { Catalog } from "../core/catalog.ts";
import { contentsOf } from "../core/contents.ts";
import type { ArtifactSource } from "../engine/artifact-io.ts";
import { openArtifact, type IndexedArtifact, type Unlock } from "../engine/artifact-reader.ts";
import type { ForeignArtifact } from "../ledger/kept.ts";

type Described = Omit<ForeignArtifact, "stores" | "origin" | "requestedBy">;

/**
 * @param unlock undefined: an encrypted one stays closed, and may hold any entity of the catalog as long as nobody has opened it:
 *   only who may read everything may see it then
 * @throws HoldfastError FOREIGN_CONTENTS naming entities that the catalog does not have; as `openArtifact`
 */
export async function describeForeign(
  catalog: Catalog,
  source: ArtifactSource,
  { header, index, indexSeal, signedBy, manifestSha256 }: IndexedArtifact,
  unlock: Unlock | undefined,
  signal: AbortSignal,
): Promise<Described> {
  const facts = {
    id: header.id,
    createdAt: new Date(header.createdAt),
    encryption: header.encryption,
    ...{ signedBy, manifestSha256 },
    sizeBytes: index.objects.reduce((sum, object) => sum + object.sizeBytes, indexSeal.sizeBytes),
  };
  if (isClosed(header.encryption, unlock))
    return { ...facts, entities: [...catalog.entities.keys()], contents: [] };
  const { manifest } = await openArtifact(source, unlock, signal);
  return { ...facts, ...contentsOf(catalog, manifest) };
}

function isClosed(encryption: EncryptionKind, unlock: Unlock | undefined): boolean {
  if (encryption === "NONE") return false;
  return unlock?.passphrase === undefined && unlock?.identity === undefined;
}
