// Bounds on the free text that a request brings and the ledger keeps.
import { HoldfastError } from "../core/errors.ts";

const MAX_CHARACTERS = 200;

/**
 * @param field as the client named it
 * @throws HoldfastError BAD_INPUT for text that is empty, too long, or has control characters (PostgreSQL keeps no NUL)
 */
export function checkText<T extends string | undefined>(field: string, text: T): T {
  if (text === undefined) return text;
  if (text === "" || text.length > MAX_CHARACTERS || /\p{Cc}|\p{Cs}/u.test(text)) {
    throw new HoldfastError("BAD_INPUT", `\`${field}\` has 1 to ${MAX_CHARACTERS} printable characters.`);
  }
  return text;
}
