// age files (https://age-encryption.org/v1) that the `age` command opens, and the other way round. Headers are read by the
// age-encryption package; what is written, the wrapping of the file key and the payload are ours, for speed.
import { randomBytes } from "node:crypto";
import {
  Decrypter,
  generateX25519Identity,
  identityToRecipient,
  type Recipient,
  type Stanza,
} from "age-encryption";
import { HoldfastError, isHoldfastError } from "../core/errors.ts";
import { encodeHeader } from "./age-header.ts";
import { decryptPayload, encryptPayload, type PayloadEncryptor } from "./age-payload.ts";
import { scryptIdentity, scryptRecipient } from "./age-scrypt.ts";
import { x25519Identity, x25519Recipient } from "./age-x25519.ts";

/** An X25519 key pair in age's text form: `AGE-SECRET-KEY-1...` and `age1...`. */
export interface AgeKeyPair {
  readonly identity: string;
  readonly recipient: string;
}

export async function generateIdentity(): Promise<AgeKeyPair> {
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
}

/** To whom a file is encrypted: to one passphrase, or to any of the recipients. */
export type Audience = { readonly passphrase: string } | { readonly recipients: readonly string[] };

/** What opens a file: the passphrase, or text that holds an identity on a line of its own, like age's identity files. */
export type Opener = { readonly passphrase: string } | { readonly identity: string };

/** An age file being written: the header is in the first answer of `update` or `final`. */
export type AgeEncryptor = PayloadEncryptor;

/**
 * Encrypts a stream in bounded memory.
 * @throws HoldfastError BAD_RECIPIENT (see `checkRecipients`), BAD_INPUT for an empty passphrase
 */
export async function createAgeEncryptor(audience: Audience): Promise<AgeEncryptor> {
  const { header, fileKey } = await createHeader(audience);
  const payload = encryptPayload(fileKey);
  let unsent: Buffer[] = [header];
  const withHeader = (bytes: Buffer[]) => {
    const all = [...unsent, ...bytes];
    unsent = [];
    return all;
  };
  return {
    update: (bytes) => withHeader(payload.update(bytes)),
    final: () => withHeader(payload.final()),
  };
}

/** Encrypts something small. Throws as `createAgeEncryptor` does. */
export async function encryptAge(plain: Uint8Array, audience: Audience): Promise<Buffer> {
  const encryptor = await createAgeEncryptor(audience);
  return Buffer.concat([...encryptor.update(plain), ...encryptor.final()]);
}

export function encryptToPassphrase(plain: Uint8Array, passphrase: string): Promise<Buffer> {
  return encryptAge(plain, { passphrase });
}

export function encryptToRecipients(plain: Uint8Array, recipients: readonly string[]): Promise<Buffer> {
  return encryptAge(plain, { recipients });
}

/**
 * Opens a whole age file in memory. The header's MAC has been checked when this resolves; the plain text comes chunk
 * by chunk as it is read, each authenticated before it is given out.
 * @param name for messages
 * @returns undefined if the file is sound as far as can be seen, but is not for this opener
 * @throws HoldfastError ARTIFACT_CORRUPT for a damaged file (while reading too), BAD_INPUT for what is not an identity
 */
export async function openAge(
  file: Uint8Array,
  opener: Opener,
  name: string,
): Promise<Generator<Buffer> | undefined> {
  const headerBytes = headerSizeBytes(file, name);
  const fileKey = await unwrapFileKey(file.subarray(0, headerBytes), opener, name);
  if (fileKey === undefined) return undefined;
  return decryptPayload(fileKey, file.subarray(headerBytes), name);
}

const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

/**
 * Says early what encrypting would say late.
 * @throws HoldfastError BAD_RECIPIENT for an empty list or for anything but X25519 recipients. Post-quantum ones are
 *   refused because they would promise too much: parts are encrypted to an X25519 identity.
 */
export function checkRecipients(recipients: readonly string[]): void {
  if (recipients.length === 0)
    throw new HoldfastError(
      "BAD_RECIPIENT",
      "The list of recipients is empty: the backup could never be opened.",
    );
  parseRecipients(recipients);
}

function parseRecipients(recipients: readonly string[]): Recipient[] {
  return recipients.map((recipient) => {
    const known = parsed.get(recipient);
    if (known !== undefined) return known;
    const one = parseRecipient(recipient);
    if (parsed.size === PARSED_MAX) parsed.clear();
    parsed.set(recipient, one);
    return one;
  });
}

/** The recipients of late: an artifact's own is that of each of its parts, of which there may be thousands. */
const parsed = new Map<string, Recipient>();
const PARSED_MAX = 64;

function parseRecipient(recipient: string): Recipient {
  try {
    if (!RECIPIENT.test(recipient)) throw new Error("not of the form age1...");
    return x25519Recipient(recipient);
  } catch (error) {
    // What was given may be an identity by mistake, so it is not repeated.
    throw new HoldfastError("BAD_RECIPIENT", "One of the recipients is not an age X25519 recipient.", {
      cause: error,
    });
  }
}

const FILE_KEY_BYTES = 16;

async function createHeader(audience: Audience): Promise<{ header: Buffer; fileKey: Uint8Array }> {
  const fileKey = randomBytes(FILE_KEY_BYTES);
  const stanzas: Stanza[] = [];
  if ("passphrase" in audience) {
    if (audience.passphrase === "") throw new HoldfastError("BAD_INPUT", "The passphrase is empty.");
    stanzas.push(...(await scryptRecipient(audience.passphrase).wrapFileKey(fileKey)));
  } else {
    checkRecipients(audience.recipients);
    for (const recipient of parseRecipients(audience.recipients)) {
      try {
        stanzas.push(...(await recipient.wrapFileKey(fileKey)));
      } catch (error) {
        throw new HoldfastError("BAD_RECIPIENT", "One of the recipients cannot be encrypted to.", {
          cause: error,
        });
      }
    }
  }
  return { header: encodeHeader(fileKey, stanzas), fileKey };
}

async function unwrapFileKey(
  header: Uint8Array,
  opener: Opener,
  name: string,
): Promise<Uint8Array | undefined> {
  const decrypter = new Decrypter();
  if ("passphrase" in opener) decrypter.addIdentity(scryptIdentity(opener.passphrase));
  else for (const identity of identityLines(opener.identity)) addIdentity(decrypter, identity);
  // Identities are asked in order until one answers: when the last of them is asked, none has.
  let unanswered = false;
  decrypter.addIdentity({
    unwrapFileKey: () => {
      unanswered = true;
      return null;
    },
  });
  try {
    return await decrypter.decryptHeader(header);
  } catch (error) {
    if (unanswered) return undefined;
    if (isHoldfastError(error)) throw error;
    throw new HoldfastError("ARTIFACT_CORRUPT", `${name} has a damaged age header.`, { cause: error });
  }
}

function identityLines(text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const identities = lines.filter((line) => line !== "" && !line.startsWith("#"));
  if (identities.length === 0) throw new HoldfastError("BAD_INPUT", "The identity is empty.");
  return identities;
}

const X25519_IDENTITY = "AGE-SECRET-KEY-1";

function addIdentity(decrypter: Decrypter, identity: string): void {
  try {
    decrypter.addIdentity(identity.startsWith(X25519_IDENTITY) ? x25519Identity(identity) : identity);
  } catch {
    // Without the cause: it may repeat what is secret.
    throw new HoldfastError("BAD_INPUT", "What was given is not an age identity.", {
      hint: "An identity looks like AGE-SECRET-KEY-1... ; age-keygen prints it.",
    });
  }
}

/** Generous for hundreds of recipients, and a bound on what is searched for the end of a header. */
const HEADER_BYTES_MAX = 1024 * 1024;

/** The header ends with the line that starts with `---`. */
function headerSizeBytes(file: Uint8Array, name: string): number {
  const start = Buffer.from(file.buffer, file.byteOffset, Math.min(file.length, HEADER_BYTES_MAX));
  const mac = start.indexOf("\n--- ");
  const end = mac === -1 ? -1 : start.indexOf("\n", mac + 1);
  if (end === -1) throw new HoldfastError("ARTIFACT_CORRUPT", `${name} is not an age file.`);
  return end + 1;
}
