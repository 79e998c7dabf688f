// The Authorization header: which kind of token it carries.
import { HoldfastError } from "../core/errors.ts";

/** What every personal access token starts with: people and secret scanners know one when they see it. */
export const TOKEN_PREFIX = "hf_";

export type Credential =
  { readonly kind: "session"; readonly jwt: string } | { readonly kind: "token"; readonly token: string };

const TOKEN = /^hf_[A-Za-z0-9_-]{43}$/;
const JWT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const HEADER = /^Bearer +(?:(?<kind>pat|jwt):)?(?<value>\S+)$/i;

/**
 * Reads `Bearer pat:<token>`, `Bearer jwt:<token>`, and either without its prefix.
 * @throws HoldfastError UNAUTHENTICATED when there is no header, or it is not of that form
 */
export function parseAuthorization(header: string | null | undefined): Credential {
  if (header === null || header === undefined || header.trim() === "")
    throw new HoldfastError("UNAUTHENTICATED", "The request carries no token.");
  const { kind, value = "" } = HEADER.exec(header.trim())?.groups ?? {};
  const announced = kind?.toLowerCase();
  if (announced !== "jwt" && TOKEN.test(value)) return { kind: "token", token: value };
  if (announced !== "pat" && JWT.test(value)) return { kind: "session", jwt: value };
  throw new HoldfastError("UNAUTHENTICATED", "The Authorization header is malformed.", {
    hint: "Send Authorization: Bearer pat:<personal access token>, or Bearer jwt:<session token>.",
  });
}
