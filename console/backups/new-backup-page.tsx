// Starting a backup: what, encrypted how, to which stores. The button says what it will do.
import { useState, type SyntheticEvent } from "react";
import { Button, Form, Input, Label, Text, TextField } from "react-aria-components";
import { useMutation, useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { useConnection } from "../app/connection-context.tsx";
import type { Entity } from "../graphql/tada.ts";
import { useCatalog, type CatalogView } from "../parts/catalog.ts";
import {
  EncryptionFields,
  encryptionFault,
  encryptionInput,
  NO_ENCRYPTION,
  type Encryption,
} from "../parts/encryption-fields.tsx";
import { EntityChoice } from "../parts/entity-choice.tsx";
import { backupOptions, missingNeeds } from "../parts/entity-options.ts";
import { Failure } from "../parts/failure.tsx";
import { formatRows, listOf } from "../parts/format.ts";
import { newKey } from "../parts/new-key.ts";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";
import { useSearchState } from "../parts/search-state.ts";
import { StoreChoice } from "../stores/store-choice.tsx";
import { BACKUP, START_BACKUP } from "./documents.ts";

export default function NewBackupPage() {
  const { catalog, error } = useCatalog();
  const [{ like }] = useSearchState(["like"]);
  const [{ data, fetching }] = useQuery({ query: BACKUP, variables: { id: like }, pause: like === "" });
  const before = data?.backup ?? undefined;
  return (
    <Page title="New backup" trail={<Link href="/backups">Backups</Link>}>
      {error !== undefined && <Failure error={error} />}
      {catalog === undefined || (like !== "" && fetching && before === undefined) ? (
        error === undefined && <Loading what="what can be backed up" />
      ) : (
        <NewBackupForm
          catalog={catalog}
          initial={{ entities: before?.entities ?? entitiesByDefault(catalog), label: before?.label ?? "" }}
        />
      )}
    </Page>
  );
}

function entitiesByDefault({ entities }: CatalogView): Entity[] {
  return [...entities.values()].filter(({ optIn, readable }) => readable && !optIn).map(({ name }) => name);
}

interface NewBackupFormProps {
  readonly catalog: CatalogView;
  readonly initial: { readonly entities: readonly Entity[]; readonly label: string };
}

function NewBackupForm({ catalog, initial }: NewBackupFormProps) {
  const [, navigate] = useLocation();
  const { refresh } = useConnection();
  const [chosen, setChosen] = useState<ReadonlySet<Entity>>(() => new Set(initial.entities));
  const [label, setLabel] = useState(initial.label);
  const [encryption, setEncryption] = useState<Encryption>({ ...NO_ENCRYPTION, kind: "PASSPHRASE" });
  const [stores, setStores] = useState<readonly string[]>();
  const [fault, setFault] = useState<string>();
  const [{ error, fetching }, start] = useMutation(START_BACKUP);
  const needs = missingNeeds(catalog, chosen);

  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    const wrong = chosen.size === 0 ? "Choose at least one entity." : encryptionFault(encryption);
    setFault(wrong);
    if (wrong !== undefined) return;
    const { data } = await start({
      input: {
        entities: [...chosen],
        encryption: encryptionInput(encryption),
        label: label.trim() === "" ? undefined : label.trim(),
        stores: stores && [...stores],
        idempotencyKey: newKey(),
      },
    });
    if (data === undefined) return;
    refresh(["backups"]);
    navigate(`/backups/${data.startBackup.id}`);
  };

  return (
    <Form onSubmit={(event) => void submit(event)} validationBehavior="aria">
      <section className="card">
        <EntityChoice
          label="What to back up"
          options={backupOptions(catalog)}
          chosen={chosen}
          onChange={setChosen}
        />
        {needs.length > 0 && (
          <p className="note warn">
            {needs.map(({ by, needed }) => (
              <span key={by}>
                {by} {needed.length === 1 ? "refers" : "refer"} to rows of {listOf(needed)}.{" "}
              </span>
            ))}
            Without them, a restore works only where those rows are still there.
          </p>
        )}
      </section>
      <section className="card">
        <EncryptionFields value={encryption} onChange={setEncryption} />
      </section>
      <section className="card stack">
        <TextField value={label} onChange={setLabel} maxLength={200}>
          <Label>
            Label <span className="muted">(if you like)</span>
          </Label>
          <Input placeholder="before the upgrade" />
          <Text slot="description">Something to find it by.</Text>
        </TextField>
        <StoreChoice chosen={stores} onChange={setStores} />
      </section>
      <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
      {error !== undefined && <Failure error={error} />}
      <div className="row">
        <Button type="submit" className="button primary" isPending={fetching}>
          {actName(catalog, chosen)}
        </Button>
        <Link href="/backups" className="button quiet">
          Never mind
        </Link>
      </div>
    </Form>
  );
}

function actName({ entities }: CatalogView, chosen: ReadonlySet<Entity>): string {
  const estimates = [...chosen].map((name) => entities.get(name)?.estimatedRows ?? undefined);
  const rows = estimates.reduce<number>((sum, estimate) => sum + (estimate ?? 0), 0);
  const what = `Back up ${chosen.size} ${chosen.size === 1 ? "entity" : "entities"}`;
  return rows === 0 ? what : `${what}, about ${formatRows(rows)}`;
}
