// The door of this layer: accounts, sessions and tokens over one ledger and one catalog.
import { deriveKey } from "../codec/seal.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { Catalog } from "../core/catalog.ts";
import { shareAnswers } from "../core/shared-answers.ts";
import type { Ledger } from "../ledger/connect.ts";
import { authenticate, changePassword, findAccount, signIn, signOut, type SignIn } from "./accounts.ts";
import { checkOpening, limitOpening, type Opener } from "./attempts.ts";
import type { Account, Caller } from "./caller.ts";
import type { AuthContext, Origin } from "./context.ts";
import { createThrottle } from "./throttle.ts";
import { createToken, listTokens, revokeToken, type AccessToken, type TokenRequest } from "./tokens.ts";

const TWELVE_HOURS_MS = 12 * 60 * 60 * 1000;
/** How old an answer of `reauthenticate` may be. */
const SHARED_MS = 500;
const ATTEMPTS = { limit: 10, windowMs: 5 * 60 * 1000 };

export interface AuthOptions {
  readonly ledger: Ledger;
  readonly catalog: Catalog;
  /** `HOLDFAST_SECRET_KEY`: with another one, every session ends. */
  readonly secretKey: string;
  readonly sessionLifetimeMs?: number;
  /** Of wrong passwords for one name from one address, and of wrong passphrases by one account. */
  readonly attempts?: { readonly limit: number; readonly windowMs: number };
}

/** See the functions of the same names for what each does and throws. */
export interface Auth {
  signIn(username: string, password: string, origin?: Origin): Promise<SignIn>;
  signOut(caller: Caller, origin?: Origin): Promise<boolean>;
  authenticate(authorization: string | null | undefined): Promise<Caller>;
  /**
   * As `authenticate`, for whoever was let in and asks again and again whether he still is: the answer may be half a second
   * old, and is the same for all who ask with the same authorization.
   */
  reauthenticate(authorization: string): Promise<Caller>;
  changePassword(
    caller: Caller,
    passwords: { readonly old: string; readonly new: string },
    origin?: Origin,
  ): Promise<void>;
  createToken(
    caller: Caller,
    request: TokenRequest,
    origin?: Origin,
  ): Promise<{ token: string; accessToken: AccessToken }>;
  listTokens(caller: Caller): Promise<AccessToken[]>;
  revokeToken(caller: Caller, id: string, origin?: Origin): Promise<void>;
  checkOpening(opener: Opener): Promise<void>;
  limitOpening<T>(
    opener: Opener,
    act: () => Promise<T>,
    failureOf?: (result: T) => ErrorCode | undefined,
  ): Promise<T>;
  findAccount(userId: string, username: string): Promise<Account | undefined>;
}

/** Holds nothing that is to be closed; the ledger stays its opener's. */
export function createAuth(options: AuthOptions): Auth {
  const { limit, windowMs } = options.attempts ?? ATTEMPTS;
  const context: AuthContext = {
    ledger: options.ledger,
    catalog: options.catalog,
    sessionKey: deriveKey(options.secretKey, "sessions"),
    sessionLifetimeMs: options.sessionLifetimeMs ?? TWELVE_HOURS_MS,
    throttle: createThrottle({
      ledger: options.ledger,
      key: deriveKey(options.secretKey, "throttles"),
      windowMs,
    }),
    attemptLimit: limit,
  };
  return {
    signIn: (username, password, origin) => signIn(context, username, password, origin),
    signOut: (caller, origin) => signOut(context, caller, origin),
    authenticate: (authorization) => authenticate(context, authorization),
    reauthenticate: shareAnswers((authorization) => authenticate(context, authorization), SHARED_MS),
    changePassword: (caller, passwords, origin) => changePassword(context, caller, passwords, origin),
    createToken: (caller, request, origin) => createToken(context, caller, request, origin),
    listTokens: (caller) => listTokens(context, caller),
    revokeToken: (caller, id, origin) => revokeToken(context, caller, id, origin),
    checkOpening: (opener) => checkOpening(context, opener),
    limitOpening: (opener, act, failureOf) => limitOpening(context, opener, act, failureOf),
    findAccount: (userId, username) => findAccount(context, userId, username),
  };
}
