// The header of an age file, as https://age-encryption.org/v1 has it: the file key for each recipient, and a MAC over all of that. The
// age-encryption package computes it in JavaScript, and a part of a small table took longer to encrypt than to read.
import { createHmac, hkdfSync } from "node:crypto";
import type { Stanza } from "age-encryption";
import { base64, isBody, keyObject } from "./age-stanza.ts";

const MAC_KEY_BYTES = 32;

/** @param stanzas of X25519 or scrypt: their bodies are a line long */
export function encodeHeader(fileKey: Uint8Array, stanzas: readonly Stanza[]): Buffer {
  const lines = stanzas.map(({ args, body }) => {
    if (!isBody(body)) throw new Error("a stanza's body is not a wrapped file key");
    return `-> ${args.join(" ")}\n${base64(Buffer.from(body))}\n`;
  });
  const start = `age-encryption.org/v1\n${lines.join("")}---`;
  const macKey = hkdfSync("sha256", keyObject(fileKey), new Uint8Array(0), "header", MAC_KEY_BYTES);
  const mac = createHmac("sha256", keyObject(new Uint8Array(macKey)))
    .update(start)
    .digest();
  return Buffer.from(`${start} ${base64(mac)}\n`);
}
