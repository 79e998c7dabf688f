// What a restore would do, and the button that does exactly that.
import { useEffect, useRef, useState } from "react";
import { Button } from "react-aria-components";
import type { DetailedBackup } from "../backups/documents.ts";
import { CancelButton } from "../backups/backup-actions.tsx";
import { Age } from "../parts/moment.tsx";
import type { Entity } from "../graphql/tada.ts";
import { RESTORE_PHASES, RunProgress } from "../parts/run-progress.tsx";
import { isOver } from "../parts/status-tag.tsx";
import { isVouchedFor, Vouch } from "../signatures/signature.tsx";
import { UnlockFields, unlockFault, type Unlock } from "../parts/unlock-fields.tsx";
import { ChangesTable } from "./changes-table.tsx";
import { RestoreFailure } from "./conflicts.tsx";
import type { DetailedRestore } from "./documents.ts";
import { LockOut } from "./lock-out.tsx";
import { ReplaceDialog } from "./replace-dialog.tsx";
import { Samples } from "./samples.tsx";
import { deedOf, totalsOf } from "./changes.ts";

/** What somebody has to say yes to besides the numbers. */
export interface Consent {
  /** Although nothing vouches for the backup. */
  readonly allowUntrusted: boolean;
  /** Although whoever restores cannot sign in afterwards. */
  readonly confirmLockOut: boolean;
}

export interface PreviewPanelProps {
  readonly preview: DetailedRestore;
  readonly backup: DetailedBackup;
  readonly unlock: Unlock;
  readonly pending: boolean;
  readonly onUnlock: (unlock: Unlock) => void;
  readonly onApply: (plan: string, consent: Consent) => void;
  /** Chooses an entity as well, without which the restore cannot be. */
  readonly onAdd: (entity: Entity) => void;
}

export function PreviewPanel(props: PreviewPanelProps) {
  const { preview, backup, unlock, pending, onUnlock, onApply, onAdd } = props;
  const { status, error, changes, plan, mode, entities } = preview;
  const heading = useRef<HTMLHeadingElement>(null);
  const [asking, setAsking] = useState(false);
  const over = isOver(status);
  // Whoever asked for it is shown it: it is below what they filled in.
  useEffect(() => {
    heading.current?.scrollIntoView({ block: "start" });
    heading.current?.focus({ preventScroll: true });
    // oxlint-disable-next-line react/exhaustive-effect-dependencies -- when it begins, and when it ends
  }, [over]);
  const deed = status === "SUCCEEDED" ? deedOf(totalsOf(changes)) : undefined;
  const signature = preview.signature ?? backup.signature;
  const [consent, setConsent] = useState<Consent>({ allowUntrusted: false, confirmLockOut: false });
  const lacksConsent =
    (!isVouchedFor(signature) && !consent.allowUntrusted) ||
    (preview.lockOut.length > 0 && !consent.confirmLockOut);
  const lacksKey = unlockFault(backup.encryption, unlock) !== undefined;

  return (
    <section className="stack" aria-labelledby="preview">
      <h2 id="preview" ref={heading} tabIndex={-1}>
        {over ? "What would change" : "Looking…"}
      </h2>
      {!over && (
        <div className="card stack">
          <RunProgress
            name="Preview"
            status={status}
            progress={preview.progress}
            phases={RESTORE_PHASES.slice(0, -1)}
          />
          <div className="ends">
            <CancelButton id={preview.id} />
          </div>
        </div>
      )}
      <RestoreFailure error={error} conflicts={preview.conflicts} onAdd={onAdd} />
      {status === "CANCELLED" && <p className="note warn">The preview was cancelled.</p>}
      {status === "SUCCEEDED" && plan !== null && (
        <>
          <ChangesTable caption="What would change" changes={changes} />
          {deed === undefined ? (
            <p className="note good">Nothing would change: what is there is what the backup holds.</p>
          ) : (
            <>
              {lacksKey && (
                <div className="card">
                  <UnlockFields encryption={backup.encryption} unlock={unlock} onChange={onUnlock} />
                </div>
              )}
              <Vouch
                signature={signature}
                allowed={consent.allowUntrusted}
                onAllow={(allowUntrusted) => setConsent({ ...consent, allowUntrusted })}
              />
              <LockOut
                reasons={preview.lockOut}
                confirmed={consent.confirmLockOut}
                onConfirm={(confirmLockOut) => setConsent({ ...consent, confirmLockOut })}
              />
              <div className="row">
                <Button
                  className={totalsOf(changes).deleted > 0 ? "button primary danger" : "button primary"}
                  isPending={pending}
                  isDisabled={lacksKey || lacksConsent}
                  onPress={() => (mode === "REPLACE" ? setAsking(true) : onApply(plan, consent))}
                >
                  {deed}
                </Button>
                <span className="muted">
                  As counted <Age at={preview.finishedAt ?? preview.createdAt} />. If it would be anything
                  else by then, nothing is done.
                </span>
              </div>
            </>
          )}
          <Samples sampled={preview.sampled} />
          <ReplaceDialog
            isOpen={asking}
            deed={deed ?? ""}
            entities={entities}
            onClose={() => setAsking(false)}
            onConfirm={() => {
              setAsking(false);
              onApply(plan, consent);
            }}
          />
        </>
      )}
    </section>
  );
}
