// The signature of an artifact: over its index, and so over every byte of every object. The header says beforehand whose it
// will be, so that an index that has lost its signature is told from one that never had any.
import { isSignatureOf, type Signer } from "../codec/signature.ts";
import type { ArtifactHeader, ArtifactIndex } from "../core/artifact.ts";
import { HoldfastError } from "../core/errors.ts";

/** What is signed is what a reader goes by, not how it is spelled in JSON. Names are those that `checkIndex` lets through. */
function signedText({ version, id, objects }: ArtifactIndex): Buffer {
  const lines = objects.map(({ name, sizeBytes, sha256 }) => `${sha256} ${sizeBytes} ${name}\n`);
  return Buffer.from(`holdfast-index ${version} ${id}\n${lines.join("")}`);
}

/** The index with a signature; without a signer, as it is and without the signature that it may have had. */
export function signIndex(index: ArtifactIndex, signer: Signer | undefined): ArtifactIndex {
  const { signature: _, ...unsigned } = index;
  return signer === undefined ? unsigned : { ...unsigned, signature: signer.sign(signedText(unsigned)) };
}

/** The header as it stands beside an index that the signer signs. */
export function headerFor(header: ArtifactHeader, signer: Signer | undefined): ArtifactHeader {
  const { signedBy: _, ...unsigned } = header;
  return signer === undefined ? unsigned : { ...unsigned, signedBy: signer.publicKey };
}

/**
 * @param index has passed `checkIndex`
 * @returns the public key of whoever signed it, which need not be anybody who is trusted; null: nobody did
 * @throws HoldfastError ARTIFACT_TAMPERED for a signature that is not over this index, or is not there although the header
 *   says whose it is
 */
export function signerOf(header: ArtifactHeader, index: ArtifactIndex): string | null {
  const { signature } = index;
  if (signature?.publicKey !== header.signedBy) {
    throw tampered(
      header.signedBy === undefined
        ? "The index is signed, and the header does not know of it."
        : "The index is not signed by the key that the header names.",
    );
  }
  if (signature === undefined) return null;
  if (!isSignatureOf(signature, signedText(index))) throw tampered("The signature is not over this index.");
  return signature.publicKey;
}

function tampered(message: string): HoldfastError {
  return new HoldfastError("ARTIFACT_TAMPERED", message);
}
