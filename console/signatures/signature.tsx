// Who has signed a backup, and what follows from it for a restore.
import { Link } from "wouter";
import { useMay } from "../app/account-context.tsx";
import { SingleTick } from "../parts/choice.tsx";
import type { Signature } from "./documents.ts";

/** Whether something vouches for it: a key that is trusted, or the record of its making. */
export function isVouchedFor(signature: Signature | null): boolean {
  return signature?.authenticity !== "UNKNOWN_KEY" && signature?.authenticity !== "UNSIGNED";
}

export function SignatureText({ signature }: { readonly signature: Signature | null }) {
  if (signature === null) return <>–</>;
  const { authenticity, publicKey, keyName } = signature;
  switch (authenticity) {
    case "OWN_KEY":
      return <>✓ By this Holdfast</>;
    case "TRUSTED_KEY":
      return <>✓ By {keyName ?? "a key that is trusted"}</>;
    case "RECORDED":
      return <>✓ Made here, and as it was made then</>;
    case "UNKNOWN_KEY":
      return (
        <>
          <span className="tag warn">By an unknown key</span>
          <code className="break">{publicKey}</code>
        </>
      );
    case "UNSIGNED":
    default:
      return <span className="tag warn">By nobody</span>;
  }
}

export interface VouchProps {
  readonly signature: Signature | null;
  /** Whether it is to be restored all the same. */
  readonly allowed: boolean;
  readonly onAllow: (allowed: boolean) => void;
}

/** Before a restore of what nothing vouches for; nothing where something does. */
export function Vouch({ signature, allowed, onAllow }: VouchProps) {
  const may = useMay("RESTORE_UNTRUSTED");
  if (isVouchedFor(signature)) return null;
  return (
    <div className="note warn stack">
      <p>
        <strong>Nothing vouches for this backup.</strong>{" "}
        {signature?.authenticity === "UNSIGNED"
          ? "Nobody has signed it, and it was not made here."
          : "It is signed by a key that is not trusted here."}{" "}
        Whoever made it decides what is in the tables afterwards. <Link href="/keys">Signing keys</Link>
      </p>
      {may ? (
        <SingleTick isSelected={allowed} onChange={onAllow}>
          I know where it comes from: restore it all the same
        </SingleTick>
      ) : (
        <p>Restoring it takes the permission RESTORE_UNTRUSTED, which you do not have. You can look at it.</p>
      )}
    </div>
  );
}
