// age's passphrase stanza (https://age-encryption.org/v1, "scrypt recipient stanza") over Node's own scrypt, because
// the age-encryption package computes it in JavaScript and holds the event loop for some two seconds.
import { randomBytes, scrypt } from "node:crypto";
import { Stanza, type Identity, type Recipient } from "age-encryption";
import { HoldfastError } from "../core/errors.ts";
import { base64, isBody, unwrapFileKey, wrapFileKey } from "./age-stanza.ts";

const LABEL = "age-encryption.org/v1/scrypt";
/** The work factor of the age command: 256 MiB and about a second. */
const WORK_FACTOR = 18;
/** What is accepted from a file, as in the age-encryption package: at 20 it is 1 GiB. */
const WORK_FACTOR_MAX = 20;
const BLOCK_SIZE = 8;
const SALT_BYTES = 16;

/** Wraps the file key to a passphrase; must be the only recipient of its file. */
export function scryptRecipient(passphrase: string): Recipient {
  return {
    wrapFileKey: async (fileKey) => {
      const salt = randomBytes(SALT_BYTES);
      const key = await wrappingKey(passphrase, salt, WORK_FACTOR);
      return [new Stanza(["scrypt", base64(salt), String(WORK_FACTOR)], wrapFileKey(fileKey, key))];
    },
  };
}

/**
 * Unwraps what `scryptRecipient` or `age -p` wrapped. A wrong passphrase is a null, as the package wants it.
 * Throws HoldfastError ARTIFACT_CORRUPT for a stanza that no age implementation writes.
 */
export function scryptIdentity(passphrase: string): Identity {
  return {
    unwrapFileKey: async (stanzas) => {
      const stanza = stanzas.find(({ args }) => args[0] === "scrypt");
      if (stanza === undefined) return null;
      const { salt, workFactor } = parseStanza(stanza, stanzas.length);
      const key = await wrappingKey(passphrase, salt, workFactor);
      return unwrapFileKey(stanza.body, key);
    },
  };
}

function parseStanza(stanza: Stanza, stanzaCount: number): { salt: Buffer; workFactor: number } {
  const [, saltText = "", workFactorText = "", ...rest] = stanza.args;
  const salt = Buffer.from(saltText, "base64");
  const workFactor = /^[1-9][0-9]?$/.test(workFactorText) ? Number(workFactorText) : Number.NaN;
  const wellFormed =
    stanzaCount === 1 &&
    rest.length === 0 &&
    salt.length === SALT_BYTES &&
    base64(salt) === saltText &&
    isBody(stanza.body) &&
    workFactor <= WORK_FACTOR_MAX;
  if (!wellFormed) throw new HoldfastError("ARTIFACT_CORRUPT", "The passphrase stanza is malformed.");
  return { salt, workFactor };
}

let turn: Promise<unknown> = Promise.resolve();

/** One at a time in a process: each takes 256 MiB, and several passphrases may be tried at once. */
function wrappingKey(passphrase: string, salt: Uint8Array, workFactor: number): Promise<Buffer> {
  const cost = 2 ** workFactor;
  const derive = () =>
    new Promise<Buffer>((resolve, reject) => {
      scrypt(
        passphrase,
        Buffer.concat([Buffer.from(LABEL), salt]),
        32,
        { N: cost, r: BLOCK_SIZE, p: 1, maxmem: 128 * BLOCK_SIZE * cost + 1024 * 1024 },
        (error, key) => (error ? reject(error) : resolve(key)),
      );
    });
  const mine = turn.then(derive);
  turn = mine.catch(() => {});
  return mine;
}
