// Restores of accounts that would keep whoever asks for them from coming in again, or from undoing them.
import { HoldfastError } from "./errors.ts";

/** In what way somebody would be locked out. */
export const LOCK_OUT_REASONS = {
  ACCOUNT_GONE: "The account is not there any more.",
  ACCOUNT_DISABLED: "The account is disabled.",
  PASSWORD_CHANGED: "The account has the password again that it had at the time of the backup.",
  PERMISSIONS_LOST: "The account (or its token) lacks a permission that this restore takes.",
  TOKEN_GONE: "The token that the restore was asked for with is not there any more, or expired.",
} as const;

export type LockOutReason = keyof typeof LOCK_OUT_REASONS;

/** @throws HoldfastError LOCKS_OUT where there is any reason */
export function refuseLockOut(username: string, reasons: readonly LockOutReason[]): void {
  if (reasons.length === 0) return;
  const words = reasons.map((reason) => LOCK_OUT_REASONS[reason]);
  throw new HoldfastError("LOCKS_OUT", `The restore would lock ${username} out. ${words.join(" ")}`, {
    details: { reasons },
  });
}
