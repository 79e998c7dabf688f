// Ed25519 signatures: made with a key that comes out of the server's secret, checked with a public key alone.
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { HoldfastError } from "../core/errors.ts";
import { deriveKey, type SecretKey } from "./seal.ts";

/** A signature and whose it is, as text: both base64 with padding, in the one spelling that there is of each. */
export interface Signature {
  /** The key's SubjectPublicKeyInfo in DER: what stands between the two lines of a PEM file. */
  readonly publicKey: string;
  /** 64 bytes. */
  readonly value: string;
}

export interface Signer {
  /** As in {@link Signature}. */
  readonly publicKey: string;
  sign(message: Uint8Array): Signature;
}

/** What stands before the 32 bytes of an Ed25519 key in DER: RFC 8410. */
const PRIVATE_KEY_START = Buffer.from("302e020100300506032b657004220420", "hex");
const PUBLIC_KEY_START = Buffer.from("302a300506032b6570032100", "hex");
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** @param seed 32 bytes from `deriveKey`: the same seed is the same key */
export function createSigner(seed: SecretKey): Signer {
  const der = Buffer.concat([PRIVATE_KEY_START, seed]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const publicKey = createPublicKey(key).export({ format: "der", type: "spki" }).toString("base64");
  return {
    publicKey,
    sign: (message) => ({ publicKey, value: sign(null, message, key).toString("base64") }),
  };
}

/**
 * The key that an installation signs with: the same for all of its servers and workers, as long as they have the same secret.
 * @param serverSecret `HOLDFAST_SECRET_KEY`, or what was made in its place
 */
export function installationSigner(serverSecret: string): Signer {
  return createSigner(deriveKey(serverSecret, "artifact signatures"));
}

/** Whether the signature is one, and over this message. */
export function isSignatureOf({ publicKey, value }: Signature, message: Uint8Array): boolean {
  const der = decodeKey(publicKey);
  const signature = decodeExact(value);
  if (der === undefined || signature?.length !== SIGNATURE_BYTES) return false;
  return verify(null, message, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
}

/**
 * Reads a public key as a person gives it: as Holdfast shows it, or as a PEM file.
 * @throws HoldfastError BAD_INPUT for anything but an Ed25519 public key
 */
export function parsePublicKey(text: string): string {
  const key = text.replaceAll(/-----(?:BEGIN|END) PUBLIC KEY-----|\s/g, "");
  if (decodeKey(key) !== undefined) return key;
  // What was given may be a secret by mistake, so it is not repeated.
  throw new HoldfastError("BAD_INPUT", "What was given is not the public key of a Holdfast.", {
    hint: "It looks like MCowBQYDK2VwAyEA...; `holdfast keys show` prints it where the backup was made.",
  });
}

function decodeKey(text: string): Buffer | undefined {
  const der = decodeExact(text);
  const start = der?.subarray(0, PUBLIC_KEY_START.length);
  return der?.length === PUBLIC_KEY_START.length + KEY_BYTES && start?.equals(PUBLIC_KEY_START)
    ? der
    : undefined;
}

/** Node passes over what is not base64; here every bit counts. */
function decodeExact(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "base64");
  return bytes.toString("base64") === text ? bytes : undefined;
}
