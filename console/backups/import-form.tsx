// A backup in a file: uploaded before one's eyes, and then listed like any other.
import { useEffect, useId, useRef, useState, type SyntheticEvent } from "react";
import { Button, Form, Input, Label, Text, TextField } from "react-aria-components";
import type { CombinedError } from "urql";
import { announce } from "../app/announce.ts";
import { useConnection } from "../app/connection-context.tsx";
import type { BackupRun } from "../graphql/fragments.ts";
import { upload } from "../graphql/upload.ts";
import { Bar } from "../parts/bar.tsx";
import { Failure } from "../parts/failure.tsx";
import { formatBytes } from "../parts/format.ts";
import { useSessionState } from "../session/session.ts";
import { StoreSelect } from "../stores/store-select.tsx";
import { BackupTable } from "./backup-table.tsx";
import { IMPORT_BACKUP } from "./documents.ts";

interface Sending {
  readonly stop: AbortController;
  readonly name: string;
  readonly sentBytes: number;
  readonly totalBytes: number;
}

export function ImportForm() {
  const field = useId();
  const { session } = useSessionState();
  const { refresh } = useConnection();
  const chooser = useRef<HTMLInputElement>(null);
  const [store, setStore] = useState("");
  const [secret, setSecret] = useState("");
  const [fault, setFault] = useState<string>();
  const [error, setError] = useState<CombinedError>();
  const [sending, setSending] = useState<Sending>();
  const [imported, setImported] = useState<readonly BackupRun[]>([]);
  const stop = sending?.stop;
  // Whoever leaves the page leaves the upload.
  useEffect(() => () => stop?.abort(), [stop]);

  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    const file = chooser.current?.files?.[0];
    setFault(file === undefined ? "Choose a file." : undefined);
    setError(undefined);
    if (file === undefined || session === undefined) return;
    const sent = { stop: new AbortController(), name: file.name, sentBytes: 0, totalBytes: file.size };
    setSending(sent);
    const result = await upload(
      IMPORT_BACKUP,
      { file, store: store === "" ? undefined : store, unlock: unlockOf(secret) },
      {
        token: session.token,
        signal: sent.stop.signal,
        onSent: (sentBytes, totalBytes) => setSending({ ...sent, sentBytes, totalBytes }),
      },
    );
    setSending(undefined);
    if (sent.stop.signal.aborted) return;
    setError(result.error);
    if (result.data === undefined) return;
    const { importBackup } = result.data;
    setImported((before) => [importBackup, ...before.filter(({ id }) => id !== importBackup.id)]);
    setSecret("");
    if (chooser.current !== null) chooser.current.value = "";
    refresh(["backups"]);
    announce("The backup was imported.");
  };

  return (
    <section className="card stack" aria-labelledby={`${field}-title`}>
      <h2 id={`${field}-title`}>From a file</h2>
      <Form onSubmit={(event) => void submit(event)} validationBehavior="aria">
        <div className="field">
          <label htmlFor={field}>File</label>
          <input
            id={field}
            ref={chooser}
            type="file"
            disabled={sending !== undefined}
            aria-describedby={`${field}-about`}
          />
          <span id={`${field}-about`} className="description">
            What “Download” saves, or <code>holdfast backup</code> writes: one file.
          </span>
        </div>
        <TextField type="password" value={secret} onChange={setSecret}>
          <Label>
            Passphrase or identity <span className="muted">(if you like)</span>
          </Label>
          <Input autoComplete="off" spellCheck={false} />
          <Text slot="description">
            Of an encrypted backup, to learn what it holds. It is imported without, too; then only those who
            may read everything see it until somebody has verified its contents.
          </Text>
        </TextField>
        <StoreSelect label="Into the store" none="The default store" value={store} onChange={setStore} />
        <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
        {error !== undefined && <Failure error={error} />}
        {sending === undefined ? (
          <div>
            <Button type="submit" className="button primary">
              Import
            </Button>
          </div>
        ) : (
          <Sent sending={sending} />
        )}
      </Form>
      {imported.length > 0 && (
        <>
          <p className="note good">Imported, and listed with the others.</p>
          <BackupTable backups={imported} />
        </>
      )}
    </section>
  );
}

function Sent({ sending: { stop, name, sentBytes, totalBytes } }: { readonly sending: Sending }) {
  const percent = totalBytes === 0 ? 0 : (sentBytes / totalBytes) * 100;
  const isSent = sentBytes > 0 && sentBytes >= totalBytes;
  const state = isSent ? "Sent. The server looks whether it is whole…" : `${Math.floor(percent)} %`;
  return (
    <div className="stack">
      <Bar label={`Upload of ${name}`} percent={percent} valueLabel={state}>
        <span className="row apart">
          <strong className="break">{name}</strong>
          <span>{isSent ? state : `${formatBytes(sentBytes)} of ${formatBytes(totalBytes)}, ${state}`}</span>
        </span>
      </Bar>
      <div className="ends">
        <Button className="button danger" onPress={() => stop.abort()}>
          Cancel
        </Button>
      </div>
    </div>
  );
}

/** It need not be said which of the two it is: an identity says so itself. */
function unlockOf(secret: string) {
  if (secret === "") return undefined;
  return secret.trim().startsWith("AGE-SECRET-KEY-") ? { identity: secret.trim() } : { passphrase: secret };
}
