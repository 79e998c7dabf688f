// Sealing a passphrase or identity while it rests in the ledger: AES-256-GCM with the server's key, bound to its run.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { HoldfastError } from "../core/errors.ts";

const VERSION = "v1.";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** 32 bytes from `deriveKey`. */
export type SecretKey = Uint8Array;

/**
 * A key of 32 bytes for one purpose (HKDF-SHA256): what is signed or sealed for one purpose is worth nothing for another.
 * @param serverSecret `HOLDFAST_SECRET_KEY`; must have the entropy of a key, for HKDF adds none
 */
export function deriveKey(serverSecret: string, purpose: string): SecretKey {
  return new Uint8Array(hkdfSync("sha256", serverSecret, "holdfast", purpose, KEY_BYTES));
}

/** Text that `openSecret` opens for the same key and run and for no other; never twice the same. */
export function sealSecret(key: SecretKey, runId: string, secret: string): string {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv("aes-256-gcm", key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.from(runId));
  const sealed = Buffer.concat([nonce, cipher.update(secret, "utf8"), cipher.final(), cipher.getAuthTag()]);
  return VERSION + sealed.toString("base64url");
}

/** @throws HoldfastError SECRET_LOST if it was sealed with another key or for another run, or is not what was sealed. */
export function openSecret(key: SecretKey, runId: string, sealed: string): string {
  try {
    if (!sealed.startsWith(VERSION)) throw new Error("not a sealed secret of a known version");
    const bytes = Buffer.from(sealed.slice(VERSION.length), "base64url");
    if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error("too short for a sealed secret");
    const decipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, NONCE_BYTES), {
      authTagLength: TAG_BYTES,
    });
    decipher.setAAD(Buffer.from(runId));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const secret = decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
    return Buffer.concat([secret, decipher.final()]).toString("utf8");
  } catch (error) {
    throw new HoldfastError("SECRET_LOST", "The run's passphrase or identity cannot be unsealed.", {
      cause: error,
    });
  }
}
