// What may be guessed, and how often: passwords when signing in, and what opens backups.
import { isHoldfastError, type ErrorCode } from "../core/errors.ts";
import type { AuthContext, Origin } from "./context.ts";
import { networkOf } from "./network.ts";
import type { Limit, Name } from "./throttle.ts";

/** From one address more names may be tried than one name: many people may be behind it. */
const TIMES_FROM_AN_ADDRESS = 10;
/** For one name from all addresses together. */
const TIMES_FOR_A_NAME = 5;
/** So long an address stays one from which somebody has signed in. */
const KNOWN_FOR_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * Counts a try to sign in: from the address whatever the name is, for the name from the address, and for the name wherever it is
 * tried from. The last does not hold where that account has lately signed in from, so that nobody locks others out of theirs.
 * @throws HoldfastError TOO_MANY_ATTEMPTS
 * @returns to be called when the password was right
 */
export async function attemptSignIn(
  { throttle, attemptLimit }: AuthContext,
  username: string,
  { address }: Origin,
): Promise<() => Promise<void>> {
  const network = networkOf(address);
  const pair: Name = ["sign-in", username, network];
  const known: Name = ["signed in", username, network];
  const isKnown = await throttle.isRemembered(known);
  const attempt = await throttle.attempt([
    ...fromAddress("sign-in", network, attemptLimit),
    { name: pair, limit: attemptLimit },
    ...(isKnown ? [] : [{ name: ["sign-in as", username], limit: TIMES_FOR_A_NAME * attemptLimit }]),
  ]);
  return async () => {
    await attempt.forgive();
    await throttle.clear(pair);
    await throttle.remember(known, KNOWN_FOR_MS);
  };
}

const WRONG: readonly ErrorCode[] = ["WRONG_PASSPHRASE", "WRONG_IDENTITY"];

/** Who tries to open a backup, and where from. */
export interface Opener {
  /** null: Holdfast itself, by a schedule. */
  readonly userId: string | null;
  readonly address?: string | null | undefined;
}

function openingLimits({ attemptLimit }: AuthContext, { userId, address }: Opener): Limit[] {
  return [
    ...fromAddress("open", networkOf(address), attemptLimit),
    { name: ["open as", userId], limit: attemptLimit },
  ];
}

/** @throws HoldfastError TOO_MANY_ATTEMPTS where somebody has guessed too often already */
export async function checkOpening(context: AuthContext, opener: Opener): Promise<void> {
  if (opener.userId !== null) await context.throttle.check(openingLimits(context, opener));
}

/**
 * Does something that opens a backup with a passphrase or an identity. If these are wrong, it counts against who gave them.
 * @param failureOf what a result says that it has failed with, where that is not thrown
 * @throws HoldfastError TOO_MANY_ATTEMPTS, and nothing is done then; what `act` throws
 */
export async function limitOpening<T>(
  context: AuthContext,
  opener: Opener,
  act: () => Promise<T>,
  failureOf?: (result: T) => ErrorCode | undefined,
): Promise<T> {
  if (opener.userId === null) return act();
  const attempt = await context.throttle.attempt(openingLimits(context, opener));
  try {
    const result = await act();
    const code = failureOf?.(result);
    if (code === undefined || !WRONG.includes(code)) await attempt.forgive();
    return result;
  } catch (error) {
    if (!isHoldfastError(error) || !WRONG.includes(error.code)) await attempt.forgive();
    throw error;
  }
}

function fromAddress(what: string, network: string | null, attemptLimit: number): Limit[] {
  return network === null
    ? []
    : [{ name: [`${what} from`, network], limit: TIMES_FROM_AN_ADDRESS * attemptLimit }];
}
