// Whether anything vouches for an artifact, and what is done where nothing does. Pure.
import { HoldfastError } from "./errors.ts";
import type { ArtifactSignature } from "./run.ts";

/** A key that is trusted: what it is called, and whether it is this installation's own. */
export interface KeyTrust {
  readonly name: string;
  readonly own: boolean;
}

/** By public key. */
export type TrustedKeys = ReadonlyMap<string, KeyTrust>;

/**
 * @param signedBy the public key, of a signature that was checked; null: it is not signed
 * @param isRecorded whether this installation knows that it has made it, and that it is what it has made
 */
export function judgeSignature(
  signedBy: string | null,
  keys: TrustedKeys,
  isRecorded: boolean,
): ArtifactSignature {
  const key = signedBy === null ? undefined : keys.get(signedBy);
  const signature = { publicKey: signedBy, keyName: key?.name ?? null };
  if (key !== undefined) return { authenticity: key.own ? "OWN_KEY" : "TRUSTED_KEY", ...signature };
  if (isRecorded) return { authenticity: "RECORDED", ...signature };
  return { authenticity: signedBy === null ? "UNSIGNED" : "UNKNOWN_KEY", ...signature };
}

/** Whether anything does. */
export function isVouched({ authenticity }: ArtifactSignature): boolean {
  return authenticity !== "UNSIGNED" && authenticity !== "UNKNOWN_KEY";
}

/**
 * @param hint what to do about it, where the catalogue's hint is for other clients
 * @throws HoldfastError ARTIFACT_UNSIGNED, UNKNOWN_SIGNER
 */
export function requireVouched({ authenticity, publicKey }: ArtifactSignature, hint?: string): void {
  const options = hint === undefined ? {} : { hint };
  if (authenticity === "UNSIGNED")
    throw new HoldfastError("ARTIFACT_UNSIGNED", "The backup is not signed, and was not made here.", options);
  if (authenticity === "UNKNOWN_KEY") {
    throw new HoldfastError(
      "UNKNOWN_SIGNER",
      `The backup is signed by a key that is not trusted here: ${publicKey}`,
      {
        ...options,
        details: { publicKey },
      },
    );
  }
}
