// Who has signed backups, and whose signatures are trusted.
import { recordAudit } from "../auth/audit.ts";
import type { Caller } from "../auth/caller.ts";
import type { Origin } from "../auth/context.ts";
import { requirePermissions } from "../auth/permissions.ts";
import { parsePublicKey } from "../codec/signature.ts";
import { judgeSignature, type TrustedKeys } from "../core/authenticity.ts";
import { MANAGE_BACKUPS, RESTORE_UNTRUSTED } from "../core/catalog.ts";
import { HoldfastError } from "../core/errors.ts";
import type { ArtifactSignature } from "../core/run.ts";
import type { Artifact } from "../ledger/artifacts.ts";
import { distrustKey, findTrustedKeys, trustKey, type TrustedKey } from "../ledger/trusted-keys.ts";
import type { RunDeps } from "./deps.ts";
import { checkText } from "./text.ts";

type SignatureDeps = Pick<RunDeps, "ledger" | "signer">;

/** As it was signed when it was made, or last looked at. */
export function signatureOf(
  { signedBy, origin }: Pick<Artifact, "signedBy" | "origin">,
  keys: TrustedKeys,
): ArtifactSignature {
  return judgeSignature(signedBy, keys, origin === "MADE");
}

/** A key that is trusted, as clients see it. */
export interface SigningKey extends TrustedKey {
  /** Whether backups are signed with it now. */
  readonly isCurrent: boolean;
}

/** The keys of this installation first. */
export async function listSigningKeys({ ledger, signer }: SignatureDeps): Promise<SigningKey[]> {
  const keys = await findTrustedKeys(ledger);
  return keys.map((key) => ({ ...key, isCurrent: key.publicKey === signer.publicKey }));
}

/** Whoever says which keys are trusted can have anything restored. */
const TRUSTING = [MANAGE_BACKUPS, RESTORE_UNTRUSTED];

export interface TrustInput {
  /** As Holdfast shows it, or in PEM. */
  readonly publicKey: string;
  /** Whose it is, for people. */
  readonly name: string;
}

/**
 * From now on backups that are signed with the key are restored as this installation's own are.
 * @throws HoldfastError FORBIDDEN without MANAGE_BACKUPS and RESTORE_UNTRUSTED; BAD_INPUT for what is no key, an empty name, or a
 *   key of this installation
 */
export async function trustSigningKey(
  { ledger, signer }: SignatureDeps,
  caller: Caller,
  input: TrustInput,
  origin: Origin = {},
): Promise<SigningKey> {
  requirePermissions(caller, TRUSTING);
  const publicKey = parsePublicKey(input.publicKey);
  const name = checkText("name", input.name)?.trim();
  if (name === undefined || name === "")
    throw new HoldfastError("BAD_INPUT", "`name` is empty.", { hint: "Say whose key it is." });
  if (publicKey === signer.publicKey) throw ownKey();
  return ledger.db.transaction(async (tx) => {
    const key = await trustKey(tx, { publicKey, name, trustedBy: caller.username });
    if (key === undefined) throw ownKey();
    await recordAudit(tx, {
      ...{ actor: caller.username, action: "key.trusted", target: `key:${publicKey}` },
      ...{ address: origin.address, details: { name } },
    });
    return { ...key, isCurrent: false };
  });
}

/**
 * Takes the trust back: also from a former key of this installation, should it have come to light.
 * @throws HoldfastError FORBIDDEN as `trustSigningKey`; NOT_FOUND; BAD_INPUT for the key that is signed with now
 */
export async function distrustSigningKey(
  { ledger, signer }: SignatureDeps,
  caller: Caller,
  text: string,
  origin: Origin = {},
): Promise<void> {
  requirePermissions(caller, TRUSTING);
  const publicKey = parsePublicKey(text);
  if (publicKey === signer.publicKey) throw ownKey();
  await ledger.db.transaction(async (tx) => {
    if (!(await distrustKey(tx, publicKey)))
      throw new HoldfastError("NOT_FOUND", "The key is not trusted.", {
        hint: "`holdfast keys list` shows those that are.",
      });
    await recordAudit(tx, {
      ...{ actor: caller.username, action: "key.distrusted", target: `key:${publicKey}` },
      ...{ address: origin.address, details: {} },
    });
  });
}

function ownKey(): HoldfastError {
  return new HoldfastError("BAD_INPUT", "This is a key of this installation itself.", {
    hint: "It is trusted as long as it is signed with; another HOLDFAST_SECRET_KEY makes another key.",
  });
}
