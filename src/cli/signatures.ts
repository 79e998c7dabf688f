// Who has signed a backup, as a command that works on a file knows it: by this installation's key, and by those that are named.
import { installationSigner, parsePublicKey, type Signer } from "../codec/signature.ts";
import type { Environment } from "../config/environment.ts";
import { readSecretKey } from "../config/secret-key.ts";
import { judgeSignature, requireVouched, type KeyTrust } from "../core/authenticity.ts";
import type { ArtifactSignature } from "../core/run.ts";
import type { SignatureOptions } from "./shared-options.ts";

/** Where an installation's secret is. */
export type SecretPlace = Pick<Environment, "secretKey" | "dataDir">;

/** The installation's key, if it has one yet: it is never made here. */
export async function findSigner({ secretKey, dataDir }: SecretPlace): Promise<Signer | undefined> {
  const secret = secretKey ?? (await readSecretKey(dataDir));
  return secret === undefined ? undefined : installationSigner(secret);
}

const REQUIRED_HINT =
  "Name the key of whoever made it with --trust, if you have it from them; or leave --require-signature out.";

/**
 * @param signedBy as the artifact's reader says
 * @throws HoldfastError ARTIFACT_UNSIGNED, UNKNOWN_SIGNER where the options require a signature; BAD_INPUT for a key that is none
 */
export async function judgeInput(
  signedBy: string | null,
  { requireSignature = false, trust = [] }: SignatureOptions,
  place: SecretPlace,
): Promise<ArtifactSignature> {
  const keys = new Map<string, KeyTrust>();
  for (const key of trust) keys.set(parsePublicKey(key), { name: "a key that --trust names", own: false });
  const own = await findSigner(place);
  if (own !== undefined) keys.set(own.publicKey, { name: "this installation", own: true });
  const signature = judgeSignature(signedBy, keys, false);
  if (requireSignature) requireVouched(signature, REQUIRED_HINT);
  return signature;
}

/** One line for people. */
export function describeSignature({ authenticity, publicKey, keyName }: ArtifactSignature): string {
  if (authenticity === "OWN_KEY" || authenticity === "TRUSTED_KEY")
    return `Signed by ${keyName}: ${publicKey}.`;
  if (authenticity === "RECORDED")
    return "Not signed by a key that is trusted, but recorded where it was made.";
  return publicKey === null
    ? "Not signed: nothing says who made it."
    : `Signed with a key that is not known here: ${publicKey}.`;
}
