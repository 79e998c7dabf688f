// What can be done with a backup, as far as the caller may.
import { useState } from "react";
import { Button } from "react-aria-components";
import { useMutation } from "urql";
import { Link } from "wouter";
import type { BackupRun } from "../graphql/fragments.ts";
import { useCatalog } from "../parts/catalog.ts";
import { Failure } from "../parts/failure.tsx";
import { isOver } from "../parts/status-tag.tsx";
import { CANCEL_RUN } from "./documents.ts";
import { DownloadButton } from "./download-button.tsx";

export function BackupActions({ backup }: { readonly backup: BackupRun }) {
  const { catalog } = useCatalog();
  const writable = backup.entities.some((name) => catalog?.entities.get(name)?.writable === true);
  if (!isOver(backup.status)) return <CancelButton id={backup.id} />;
  if (backup.status !== "SUCCEEDED") {
    return (
      <Link href={`/backups/new?like=${backup.id}`} className="button">
        Try again
      </Link>
    );
  }
  return (
    <>
      {backup.downloadUrl !== null && <DownloadButton url={backup.downloadUrl} />}
      {writable && (
        <Link href={`/backups/${backup.id}/restore`} className="button primary">
          Restore…
        </Link>
      )}
    </>
  );
}

export function CancelButton({ id }: { readonly id: string }) {
  const [{ error, fetching }, cancel] = useMutation(CANCEL_RUN);
  const [asked, setAsked] = useState(false);
  return (
    <>
      <Button
        className="button danger"
        isDisabled={fetching || (asked && error === undefined)}
        onPress={() => {
          setAsked(true);
          void cancel({ id });
        }}
      >
        {asked && error === undefined ? "Cancelling…" : "Cancel"}
      </Button>
      {error !== undefined && <Failure error={error} />}
    </>
  );
}
