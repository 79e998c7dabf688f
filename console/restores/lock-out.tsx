// Before a restore of accounts after which whoever asks for it could not come in again.
import { SingleTick } from "../parts/choice.tsx";
import type { DetailedRestore } from "./documents.ts";

const REASONS: Readonly<Record<DetailedRestore["lockOut"][number], string>> = {
  ACCOUNT_GONE: "Your account would be gone.",
  ACCOUNT_DISABLED: "Your account would be disabled.",
  PASSWORD_CHANGED: "Your account would have another password: the one that it had then.",
  PERMISSIONS_LOST: "You would lack a permission that this restore takes.",
  TOKEN_GONE: "The token that it was asked for with would be gone.",
};

export interface LockOutProps {
  /** Of the preview; empty: nothing is in danger. */
  readonly reasons: DetailedRestore["lockOut"];
  readonly confirmed: boolean;
  readonly onConfirm: (confirmed: boolean) => void;
}

export function LockOut({ reasons, confirmed, onConfirm }: LockOutProps) {
  if (reasons.length === 0) return null;
  return (
    <div className="note bad stack">
      <p>
        <strong>This locks you out.</strong> {reasons.map((reason) => REASONS[reason]).join(" ")} Whoever else
        can sign in has to put that right.
      </p>
      <SingleTick isSelected={confirmed} onChange={onConfirm}>
        Somebody else can come in, or I know another way: do it all the same
      </SingleTick>
    </div>
  );
}
