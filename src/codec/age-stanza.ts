// What age's stanzas have in common (https://age-encryption.org/v1): a file key sealed with a key that wraps nothing else.
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from "node:crypto";

const CIPHER = "chacha20-poly1305";
const TAG_BYTES = 16;
/** Each wrapping key wraps one file key, so the nonce is fixed. */
const ZERO_NONCE = new Uint8Array(12);
/** A file key and its tag. */
const BODY_BYTES = 16 + TAG_BYTES;

/** @returns a stanza's body */
export function wrapFileKey(fileKey: Uint8Array, wrappingKey: Uint8Array): Buffer {
  const cipher = createCipheriv(CIPHER, keyObject(wrappingKey), ZERO_NONCE, { authTagLength: TAG_BYTES });
  return Buffer.concat([cipher.update(fileKey), cipher.final(), cipher.getAuthTag()]);
}

export const isBody = (body: Uint8Array): boolean => body.length === BODY_BYTES;

/** @returns null where the body was sealed with another key */
export function unwrapFileKey(body: Uint8Array, wrappingKey: Uint8Array): Uint8Array | null {
  const decipher = createDecipheriv(CIPHER, keyObject(wrappingKey), ZERO_NONCE, { authTagLength: TAG_BYTES });
  decipher.setAuthTag(body.subarray(-TAG_BYTES));
  const fileKey = decipher.update(body.subarray(0, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    return null;
  }
  return new Uint8Array(fileKey);
}

/** What Node is given as bytes it tries to take for an object first, and fails: that costs more than the encryption. */
export const keyObject = (bytes: Uint8Array): KeyObject => createSecretKey(bytes);

/** As age writes it: without padding. */
export function base64(bytes: Buffer): string {
  return bytes.toString("base64").replaceAll("=", "");
}
