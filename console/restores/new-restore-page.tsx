// Restoring from a backup: choose, look at what would happen, then do exactly that. The preview's run is in the address.
import { useState } from "react";
import { useMutation, useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { BACKUP, type DetailedBackup } from "../backups/documents.ts";
import { nameOf } from "../backups/backup-table.tsx";
import type { Entity } from "../graphql/tada.ts";
import { useCatalog, type CatalogView } from "../parts/catalog.ts";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Moment } from "../parts/moment.tsx";
import { newKey } from "../parts/new-key.ts";
import { Page } from "../parts/page.tsx";
import { useSearchState } from "../parts/search-state.ts";
import { NO_UNLOCK, unlockInput, type Unlock } from "../parts/unlock-fields.tsx";
import { choiceByDefault, choiceInput, choiceOf, noRow, type Choice } from "./choice.ts";
import { RESTORE, START_RESTORE } from "./documents.ts";
import { PreviewPanel, type Consent } from "./preview-panel.tsx";
import { RestoreForm } from "./restore-form.tsx";

export default function NewRestorePage({ backupId }: { readonly backupId: string }) {
  const [{ data, error, fetching }] = useQuery({ query: BACKUP, variables: { id: backupId } });
  const { catalog, error: catalogError } = useCatalog();
  const backup = data?.backup;
  const failure = error ?? catalogError;
  if (backup?.status === "SUCCEEDED" && catalog !== undefined) {
    return <NewRestore backup={backup} catalog={catalog} />;
  }
  if (failure === undefined && (fetching || catalog === undefined)) return <Loading what="the backup" />;
  return (
    <Page title="Restore">
      {failure !== undefined ? (
        <Failure error={failure} />
      ) : (
        <p>
          There is nothing to restore from: the backup has not succeeded, is gone, or is not for you.{" "}
          <Link href="/backups?status=SUCCEEDED">Backups that can be restored</Link>
        </p>
      )}
    </Page>
  );
}

/** Of each kind and table. */
const SAMPLE_ROWS = 5;

interface NewRestoreProps {
  readonly backup: DetailedBackup;
  readonly catalog: CatalogView;
}

function NewRestore({ backup, catalog }: NewRestoreProps) {
  const [, navigate] = useLocation();
  const [{ preview: previewId }, setSearch] = useSearchState(["preview"]);
  const [{ data }] = useQuery({ query: RESTORE, variables: { id: previewId }, pause: previewId === "" });
  const preview = previewId === "" ? undefined : (data?.restore ?? undefined);
  const [choice, setChoice] = useState<Choice>();
  const [unlock, setUnlock] = useState<Unlock>(NO_UNLOCK);
  const [previewing, startPreview] = useMutation(START_RESTORE);
  const [applying, startRestore] = useMutation(START_RESTORE);
  // A page that is loaded again shows what its preview was of.
  const present = choice ?? (preview === undefined ? choiceByDefault(backup, catalog) : choiceOf(preview));

  // What was previewed is what will be done: with another choice there is no preview yet.
  const changeChoice = (next: Choice): void => {
    setChoice(next);
    if (previewId !== "") setSearch({ preview: "" });
  };
  const look = async (): Promise<void> => {
    const { data: started } = await startPreview({
      input: {
        backupId: backup.id,
        ...choiceInput(present),
        unlock: unlockInput(backup.encryption, unlock),
        dryRun: true,
        sampleRows: SAMPLE_ROWS,
        idempotencyKey: newKey(),
      },
    });
    if (started !== undefined) setSearch({ preview: started.startRestore.id });
  };
  const apply = async (plan: string, consent: Consent): Promise<void> => {
    const { data: started } = await startRestore({
      input: {
        backupId: backup.id,
        ...choiceInput(present),
        unlock: unlockInput(backup.encryption, unlock),
        expectPlan: plan,
        ...consent,
        idempotencyKey: newKey(),
      },
    });
    if (started !== undefined) navigate(`/restores/${started.startRestore.id}?preview=${previewId}`);
  };

  return (
    <Page
      title={`Restore from “${nameOf(backup)}”`}
      trail={<Link href={`/backups/${backup.id}`}>{nameOf(backup)}</Link>}
      about={
        <>
          As it was on <Moment at={backup.startedAt ?? backup.createdAt} />. Nothing is changed before you
          have seen what would be.
        </>
      }
    >
      <RestoreForm
        backup={backup}
        catalog={catalog}
        choice={present}
        unlock={unlock}
        pending={previewing.fetching}
        onChoice={changeChoice}
        onUnlock={setUnlock}
        onPreview={() => void look()}
      />
      {previewing.error !== undefined && <Failure error={previewing.error} />}
      {preview !== undefined && (
        <PreviewPanel
          key={preview.id}
          preview={preview}
          backup={backup}
          unlock={unlock}
          pending={applying.fetching}
          onUnlock={setUnlock}
          onApply={(plan, consent) => void apply(plan, consent)}
          onAdd={(entity) => changeChoice(withEntity(present, entity))}
        />
      )}
      {applying.error !== undefined && <Failure error={applying.error} />}
    </Page>
  );
}

/** As well as what is chosen already: the whole of it, or a row that is still to be named. */
function withEntity(choice: Choice, entity: Entity): Choice {
  return choice.rows === undefined
    ? { ...choice, entities: new Set([...choice.entities, entity]) }
    : { ...choice, rows: [...choice.rows, noRow(entity)] };
}
