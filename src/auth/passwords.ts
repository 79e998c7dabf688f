// Passwords: the rule for new ones, and their argon2id hashes.
import { randomBytes } from "node:crypto";
import { hash, verify } from "@node-rs/argon2";
import { HoldfastError } from "../core/errors.ts";

const MIN_PASSWORD_CHARACTERS = 8;
/** So that nobody makes the server hash a book. */
const MAX_PASSWORD_CHARACTERS = 1024;

/** @throws HoldfastError BAD_INPUT that says what a password has to be */
export function checkNewPassword(password: string): void {
  const characters = Array.from(password).length;
  if (characters < MIN_PASSWORD_CHARACTERS)
    throw new HoldfastError("BAD_INPUT", `The new password is too short.`, {
      hint: `A password has at least ${MIN_PASSWORD_CHARACTERS} characters.`,
    });
  if (characters > MAX_PASSWORD_CHARACTERS)
    throw new HoldfastError("BAD_INPUT", `The new password is too long.`, {
      hint: `A password has at most ${MAX_PASSWORD_CHARACTERS} characters.`,
    });
}

/** argon2id with the library's parameters (19 MiB, two passes), encoded with its salt and parameters. */
export async function hashPassword(password: string): Promise<string> {
  return hash(normalize(password));
}

/** Of nothing that anybody knows; made once, when it is first needed. */
let dummyHash: Promise<string> | undefined;

/**
 * Whether the password is that of the hash. Without a hash (no such account, or none that signs in by password) the
 * same work is done for nothing, so that the time taken does not tell which names exist.
 */
export async function verifyPassword(encoded: string | null | undefined, password: string): Promise<boolean> {
  dummyHash ??= hash(randomBytes(32));
  const expected = encoded ?? (await dummyHash);
  if (password.length > 4 * MAX_PASSWORD_CHARACTERS) return false;
  try {
    const matches = await verify(expected, normalize(password));
    return matches && typeof encoded === "string";
  } catch {
    // What stands in the column is not a hash in argon2's encoding: no password can be the right one.
    return false;
  }
}

/** The same text however a keyboard composes it. */
function normalize(password: string): string {
  return password.normalize("NFKC");
}

/** No two of these look alike when they are read from a log: 0 and o, 1 and l, u and v are left out. */
const ALPHABET = "abcdefghjkmnpqrstwxyz23456789";

/** Twenty-four characters in four groups, some 116 bits: for the first account. */
export function makePassword(): string {
  const characters: string[] = [];
  while (characters.length < 24) {
    for (const byte of randomBytes(32)) {
      // A byte past the last whole multiple would favour the alphabet's first letters.
      const letter =
        byte < 256 - (256 % ALPHABET.length) ? ALPHABET.charAt(byte % ALPHABET.length) : undefined;
      if (letter !== undefined && characters.length < 24) characters.push(letter);
    }
  }
  return [0, 6, 12, 18].map((start) => characters.slice(start, start + 6).join("")).join("-");
}
