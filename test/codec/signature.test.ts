import { createPublicKey, verify } from "node:crypto";
import { expect, it } from "vitest";
import { deriveKey } from "../../src/codec/seal.ts";
import {
  createSigner,
  installationSigner,
  isSignatureOf,
  parsePublicKey,
} from "../../src/codec/signature.ts";
import { errorOf, flipped } from "./fixtures.ts";

const signer = installationSigner("a secret");
const other = installationSigner("another secret");
const message = Buffer.from("what is signed");

it("the same secret is the same key, in every process and on every host; another one is another", () => {
  expect(installationSigner("a secret").publicKey).toBe(signer.publicKey);
  expect(other.publicKey).not.toBe(signer.publicKey);
  // Pinned: a key that came out otherwise in a later version would make every signed backup a stranger's.
  expect(signer.publicKey).toMatchInlineSnapshot(
    `"MCowBQYDK2VwAyEAMRjBOsEZNtIWSOEL6qgpYvdu89Jx5mtX1Ln0++lsiqo="`,
  );
});

it("the secret's other keys say nothing of it", () => {
  expect(createSigner(deriveKey("a secret", "run secrets")).publicKey).not.toBe(signer.publicKey);
});

it("a signature is over one message, by one key", () => {
  const signature = signer.sign(message);
  expect(isSignatureOf(signature, message)).toBe(true);
  expect(isSignatureOf(signature, flipped(message, 3))).toBe(false);
  expect(isSignatureOf({ ...signature, publicKey: other.publicKey }, message)).toBe(false);
  expect(isSignatureOf({ ...signature, value: other.sign(message).value }, message)).toBe(false);
});

it("no character of a signature or of its key can be another one", () => {
  const signature = signer.sign(message);
  for (const field of ["publicKey", "value"] as const) {
    for (let at = 0; at < signature[field].length; at++) {
      for (const character of ["A", "B", "h", "=", " ", "\u0000"]) {
        if (signature[field][at] === character) continue;
        const text = signature[field].slice(0, at) + character + signature[field].slice(at + 1);
        expect(isSignatureOf({ ...signature, [field]: text }, message), `${field} ${at}`).toBe(false);
      }
    }
    for (const text of [
      "",
      "A",
      signature[field].slice(0, -1),
      `${signature[field]}=`,
      signature[field].repeat(2),
    ])
      expect(isSignatureOf({ ...signature, [field]: text }, message)).toBe(false);
  }
});

it("a public key is what stands in a PEM file, and can be given as one", () => {
  const pem = `-----BEGIN PUBLIC KEY-----\n${signer.publicKey}\n-----END PUBLIC KEY-----\n`;
  const { value } = signer.sign(message);
  expect(verify(null, message, createPublicKey(pem), Buffer.from(value, "base64"))).toBe(true);
  expect(parsePublicKey(pem)).toBe(signer.publicKey);
  expect(parsePublicKey(` ${signer.publicKey}\n`)).toBe(signer.publicKey);
});

it.each([
  "",
  "hello",
  "MCowBQYDK2VwAyEA",
  "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE",
  "age1...",
  "AGE-SECRET-KEY-1",
])("%j is no public key, and is not repeated", (text) => {
  expect(() => parsePublicKey(text)).toThrow(errorOf("BAD_INPUT"));
  expect(() => parsePublicKey(`${text}-marked`)).not.toThrow(/marked/);
});
