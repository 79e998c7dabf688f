// What a restore would do, and the button that does exactly that.
import { useEffect, useRef, useState } from "react";
import {
  Button,
  Dialog,
  Heading,
  Input,
  Label,
  Modal,
  ModalOverlay,
  Text,
  TextField,
} from "react-aria-components";
import type { DetailedBackup } from "../backups/documents.ts";
import { CancelButton } from "../backups/backup-actions.tsx";
import { FailureNote } from "../parts/failure.tsx";
import { Age } from "../parts/moment.tsx";
import type { Entity } from "../graphql/tada.ts";
import { RESTORE_PHASES, RunProgress } from "../parts/run-progress.tsx";
import { isOver } from "../parts/status-tag.tsx";
import { isVouchedFor, Vouch } from "../signatures/signature.tsx";
import { UnlockFields, unlockFault, type Unlock } from "../parts/unlock-fields.tsx";
import { ChangesTable } from "./changes-table.tsx";
import { Conflicts } from "./conflicts.tsx";
import type { DetailedRestore } from "./documents.ts";
import { Samples } from "./samples.tsx";
import { deedOf, totalsOf } from "./changes.ts";

export interface PreviewPanelProps {
  readonly preview: DetailedRestore;
  readonly backup: DetailedBackup;
  readonly unlock: Unlock;
  readonly pending: boolean;
  readonly onUnlock: (unlock: Unlock) => void;
  /** With whether it is to be restored although nothing vouches for it. */
  readonly onApply: (plan: string, allowUntrusted: boolean) => void;
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
  const [allowed, setAllowed] = useState(false);
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
      {error !== null && <FailureNote {...error} />}
      <Conflicts conflicts={preview.conflicts} onAdd={onAdd} />
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
              <Vouch signature={signature} allowed={allowed} onAllow={setAllowed} />
              <div className="row">
                <Button
                  className={totalsOf(changes).deleted > 0 ? "button primary danger" : "button primary"}
                  isPending={pending}
                  isDisabled={lacksKey || (!isVouchedFor(signature) && !allowed)}
                  onPress={() => (mode === "REPLACE" ? setAsking(true) : onApply(plan, allowed))}
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
              onApply(plan, allowed);
            }}
          />
        </>
      )}
    </section>
  );
}

interface ReplaceDialogProps {
  readonly isOpen: boolean;
  readonly deed: string;
  readonly entities: readonly string[];
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

/** REPLACE deletes what came later: nobody does that by pressing Enter once too often. */
function ReplaceDialog({ isOpen, deed, entities, onClose, onConfirm }: ReplaceDialogProps) {
  const [typed, setTyped] = useState("");
  const names = typed
    .toUpperCase()
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  const isRight = entities.every((name) => names.includes(name)) && names.length === entities.length;
  return (
    <ModalOverlay className="overlay" isOpen={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Modal className="modal">
        <Dialog role="alertdialog">
          <Heading slot="title">{deed}?</Heading>
          <p>
            Rows that are not in the backup are deleted. To go on, type{" "}
            {entities.length === 1 ? "the entity's name" : "the entities' names"}:{" "}
            <strong className="mono">{entities.join(", ")}</strong>
          </p>
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- the dialog is there to have this filled in */}
          <TextField value={typed} onChange={setTyped} autoFocus>
            <Label>{entities.length === 1 ? "Name of the entity" : "Names of the entities"}</Label>
            <Input autoComplete="off" autoCapitalize="characters" spellCheck={false} />
            <Text slot="description">
              {isRight
                ? "✓"
                : `${names.filter((name) => entities.includes(name)).length} of ${entities.length}`}
            </Text>
          </TextField>
          <div className="ends">
            <Button className="button" onPress={onClose}>
              Never mind
            </Button>
            <Button className="button primary danger" isDisabled={!isRight} onPress={onConfirm}>
              {deed}
            </Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
