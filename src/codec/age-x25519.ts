// age's X25519 stanza (https://age-encryption.org/v1, "X25519 recipient stanza") over Node's own curve: the age-encryption package
// computes it in JavaScript, which for thousands of small parts was most of what encrypting them took.
import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  hkdfSync,
  type KeyObject,
} from "node:crypto";
import { promisify } from "node:util";
import { bech32 } from "@scure/base";
import { Stanza, type Identity, type Recipient } from "age-encryption";
import { HoldfastError } from "../core/errors.ts";
import { base64, isBody, keyObject, unwrapFileKey, wrapFileKey } from "./age-stanza.ts";

const LABEL = "age-encryption.org/v1/X25519";
const KEY_BYTES = 32;
/** PKCS #8 of an X25519 key up to the key itself: https://www.rfc-editor.org/rfc/rfc8410, section 7. */
const PRIVATE_KEY_START = Buffer.from("302e020100300506032b656e04220420", "hex");

const newKeyPair = promisify(generateKeyPair);
const agree = promisify(diffieHellman);

/**
 * Wraps the file key to `age1...`.
 * @throws Error for anything else
 */
export function x25519Recipient(recipient: string): Recipient {
  const share = keyBytes(recipient, "age");
  const theirs = publicKeyOf(share);
  return {
    wrapFileKey: async (fileKey) => {
      const { publicKey, privateKey } = await newKeyPair("x25519");
      const ephemeral = shareOf(publicKey);
      const key = wrappingKey(await agree({ privateKey, publicKey: theirs }), ephemeral, share);
      return [new Stanza(["X25519", base64(ephemeral)], wrapFileKey(fileKey, key))];
    },
  };
}

/**
 * Unwraps what was wrapped to `AGE-SECRET-KEY-1...`; a null where nothing was.
 * @throws Error for anything else; unwrapping throws HoldfastError ARTIFACT_CORRUPT for a stanza that no age implementation writes
 */
export function x25519Identity(identity: string): Identity {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PRIVATE_KEY_START, keyBytes(identity, "age-secret-key-")]),
    format: "der",
    type: "pkcs8",
  });
  const own = shareOf(createPublicKey(privateKey));
  return {
    unwrapFileKey: (stanzas) => {
      for (const stanza of stanzas) {
        if (stanza.args[0] !== "X25519") continue;
        const ephemeral = parseStanza(stanza);
        const key = wrappingKey(sharedSecret(privateKey, ephemeral), ephemeral, own);
        const fileKey = unwrapFileKey(stanza.body, key);
        if (fileKey !== null) return fileKey;
      }
      return null;
    },
  };
}

function parseStanza({ args, body }: Stanza): Buffer {
  const [, text = "", ...rest] = args;
  const ephemeral = Buffer.from(text, "base64");
  if (rest.length > 0 || ephemeral.length !== KEY_BYTES || base64(ephemeral) !== text || !isBody(body))
    throw malformed();
  return ephemeral;
}

/** A point of low order has no secret to share: OpenSSL refuses it. */
function sharedSecret(privateKey: KeyObject, ephemeral: Buffer): Buffer {
  try {
    return diffieHellman({ privateKey, publicKey: publicKeyOf(ephemeral) });
  } catch (error) {
    throw malformed(error);
  }
}

function malformed(cause?: unknown): HoldfastError {
  return new HoldfastError("ARTIFACT_CORRUPT", "An X25519 stanza is malformed.", { cause });
}

function wrappingKey(secret: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array): Uint8Array {
  return new Uint8Array(
    hkdfSync("sha256", keyObject(secret), Buffer.concat([ephemeral, recipient]), LABEL, KEY_BYTES),
  );
}

function keyBytes(text: string, prefix: string): Uint8Array {
  const decoded = bech32.decodeToBytes(text);
  if (decoded.prefix.toLowerCase() !== prefix || decoded.bytes.length !== KEY_BYTES)
    throw new Error(`not an X25519 key of age's with the prefix ${prefix}`);
  return decoded.bytes;
}

function publicKeyOf(share: Uint8Array): KeyObject {
  const x = Buffer.from(share).toString("base64url");
  return createPublicKey({ key: { kty: "OKP", crv: "X25519", x }, format: "jwk" });
}

function shareOf(publicKey: KeyObject): Buffer {
  return Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url");
}
