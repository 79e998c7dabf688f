// What can be done with a backup, as far as the caller may.
import { useState } from "react";
import { Button } from "react-aria-components";
import { useMutation } from "urql";
import { Link, useLocation } from "wouter";
import { useMay } from "../app/account-context.tsx";
import { announce } from "../app/announce.ts";
import { useConnection } from "../app/connection-context.tsx";
import type { BackupRun } from "../graphql/fragments.ts";
import { useCatalog } from "../parts/catalog.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { Failure } from "../parts/failure.tsx";
import { formatBytes, formatRows } from "../parts/format.ts";
import { isOver } from "../parts/status-tag.tsx";
import { nameOf } from "./backup-table.tsx";
import { CANCEL_RUN, DELETE_BACKUP, PIN_BACKUP } from "./documents.ts";
import { DownloadButton } from "./download-button.tsx";
import { RekeyButton } from "./rekey-button.tsx";

export function BackupActions({ backup }: { readonly backup: BackupRun }) {
  const { catalog } = useCatalog();
  const mayManage = useMay("MANAGE_BACKUPS");
  const writable = backup.entities.some((name) => catalog?.entities.get(name)?.writable === true);
  if (!isOver(backup.status)) return <CancelButton id={backup.id} />;
  if (backup.status !== "SUCCEEDED") {
    return (
      <Link href={`/backups/new?like=${backup.id}`} className="button">
        Try again
      </Link>
    );
  }
  if (backup.deletionRequestedAt !== null) return null;
  return (
    <>
      {mayManage && <PinButton backup={backup} />}
      {mayManage && backup.encryption !== "NONE" && <RekeyButton backup={backup} />}
      {mayManage && <DeleteButton backup={backup} />}
      {backup.downloadUrl !== null && <DownloadButton url={backup.downloadUrl} />}
      {writable && (
        <Link href={`/backups/${backup.id}/restore`} className="button primary">
          Restore…
        </Link>
      )}
    </>
  );
}

function PinButton({ backup: { id, pinned } }: { readonly backup: BackupRun }) {
  const [{ error, fetching }, pin] = useMutation(PIN_BACKUP);
  return (
    <>
      <Button
        className="button"
        isPending={fetching}
        onPress={() =>
          void pin({ id, pinned: !pinned }).then((result) => {
            if (result.error === undefined)
              announce(pinned ? "The backup is no longer pinned." : "The backup is pinned.");
          })
        }
      >
        {pinned ? "Unpin" : "Pin"}
      </Button>
      {error !== undefined && <Failure error={error} />}
    </>
  );
}

function DeleteButton({ backup }: { readonly backup: BackupRun }) {
  const { id, pinned, rows, sizeBytes } = backup;
  const [, navigate] = useLocation();
  const { refresh } = useConnection();
  const [asking, setAsking] = useState(false);
  const [{ error, fetching }, remove] = useMutation(DELETE_BACKUP);
  return (
    <>
      <Button
        className="button danger"
        isPending={fetching}
        isDisabled={pinned}
        onPress={() => setAsking(true)}
      >
        Delete…
      </Button>
      {error !== undefined && <Failure error={error} />}
      <ConfirmDialog
        isOpen={asking}
        title="Delete the backup?"
        deed="Delete the backup"
        danger
        onClose={() => setAsking(false)}
        onConfirm={() => {
          setAsking(false);
          void remove({ id }).then((result) => {
            if (result.error !== undefined) return;
            refresh(["backups"]);
            announce("The backup was deleted.");
            navigate("/backups");
          });
        }}
      >
        <p>
          <strong className="break">{nameOf(backup)}</strong>
          {rows !== null && ` with ${formatRows(rows)}`}
          {sizeBytes !== null && ` (${formatBytes(sizeBytes)})`} is deleted from every store that has it. This
          cannot be taken back; that it was made stays on record.
        </p>
      </ConfirmDialog>
    </>
  );
}

export function CancelButton({ id }: { readonly id: string }) {
  const [{ error, fetching }, cancel] = useMutation(CANCEL_RUN);
  const [asked, setAsked] = useState(false);
  const waits = asked && error === undefined;
  return (
    <>
      <Button
        className="button danger"
        isDisabled={fetching || waits}
        onPress={() => {
          setAsked(true);
          void cancel({ id });
        }}
      >
        {waits ? "Cancelling…" : "Cancel"}
      </Button>
      {error !== undefined && <Failure error={error} />}
    </>
  );
}
