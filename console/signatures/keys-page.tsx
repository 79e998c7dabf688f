// Whose signatures are trusted: this installation's own keys, and those of others.
import { useState, type SyntheticEvent } from "react";
import { Button, Form, Input, Label, Text, TextArea, TextField } from "react-aria-components";
import { useMutation, useQuery } from "urql";
import { useMay } from "../app/account-context.tsx";
import { announce } from "../app/announce.ts";
import { useConnection } from "../app/connection-context.tsx";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { copyText } from "../parts/copy.ts";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { DISTRUST_KEY, SIGNING_KEYS, TRUST_KEY, type SigningKey } from "./documents.ts";

export default function KeysPage() {
  const mayManage = useMay("MANAGE_BACKUPS");
  const mayTrust = useMay("RESTORE_UNTRUSTED") && mayManage;
  const [{ data, error, fetching }] = useQuery({ query: SIGNING_KEYS });
  return (
    <Page
      title="Signing keys"
      about="Backups are signed where they are made. Those that are signed with one of these keys are restored without further ado."
    >
      {error !== undefined && <Failure error={error} />}
      {data === undefined && fetching && <Loading what="signing keys" />}
      {data?.signingKeys.map((key) => (
        <KeyCard key={key.publicKey} signingKey={key} mayDistrust={mayTrust && !key.own} />
      ))}
      {mayTrust ? (
        <TrustForm />
      ) : (
        <p className="note">
          Trusting another key takes the permissions MANAGE_BACKUPS and RESTORE_UNTRUSTED, which you do not
          both have.
        </p>
      )}
    </Page>
  );
}

interface KeyCardProps {
  readonly signingKey: SigningKey;
  readonly mayDistrust: boolean;
}

function KeyCard({ signingKey, mayDistrust }: KeyCardProps) {
  const { publicKey, name, own, current, trustedAt, trustedBy } = signingKey;
  const [copied, setCopied] = useState(false);
  return (
    <section className="card stack" aria-label={name}>
      <div className="row apart">
        <h2 className="break">{name}</h2>
        <span className={current ? "tag good" : "tag"}>
          {current ? "✓ Signs now" : own ? "Has signed before" : "Trusted"}
        </span>
      </div>
      <div className="row">
        <code>{publicKey}</code>
        <Button
          className="button small"
          aria-label={`Copy the key ${name}`}
          onPress={() => void copyText(publicKey).then(setCopied)}
        >
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
      <div className="row apart">
        <span className="small muted">
          Since <Moment at={trustedAt} />
          {trustedBy !== null && ` by ${trustedBy}`}
        </span>
        {mayDistrust && <DistrustButton publicKey={publicKey} name={name} />}
      </div>
    </section>
  );
}

function DistrustButton({ publicKey, name }: Pick<SigningKey, "publicKey" | "name">) {
  const { refresh } = useConnection();
  const [asking, setAsking] = useState(false);
  const [{ error, fetching }, distrust] = useMutation(DISTRUST_KEY);
  return (
    <>
      <Button className="button small danger" isPending={fetching} onPress={() => setAsking(true)}>
        Take the trust back…
      </Button>
      {error !== undefined && <Failure error={error} />}
      <ConfirmDialog
        isOpen={asking}
        title="Take the trust back?"
        deed="Take it back"
        danger
        onClose={() => setAsking(false)}
        onConfirm={() => {
          setAsking(false);
          void distrust({ publicKey }).then((result) => {
            if (result.error === undefined) refresh(["signingKeys", "backup"]);
          });
        }}
      >
        <p>
          Backups signed by <strong className="break">{name}</strong> are restored from then on only by who
          may restore what nothing vouches for.
        </p>
      </ConfirmDialog>
    </>
  );
}

function TrustForm() {
  const { refresh } = useConnection();
  const [name, setName] = useState("");
  const [publicKey, setPublicKey] = useState("");
  const [fault, setFault] = useState<string>();
  const [{ error, fetching }, trust] = useMutation(TRUST_KEY);
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    const lacking = name.trim() === "" || publicKey.trim() === "";
    setFault(lacking ? "Give the key, and whose it is." : undefined);
    if (lacking) return;
    const result = await trust({ input: { name: name.trim(), publicKey: publicKey.trim() } });
    if (result.error !== undefined) return;
    setName("");
    setPublicKey("");
    refresh(["signingKeys", "backup"]);
    announce(`The key of ${name.trim()} is trusted.`);
  };
  return (
    <section className="card stack" aria-labelledby="trust">
      <h2 id="trust">Trust another key</h2>
      <Form onSubmit={(event) => void submit(event)} validationBehavior="aria">
        <TextField value={name} onChange={setName} maxLength={100}>
          <Label>Whose it is</Label>
          <Input placeholder="the server in Vienna" />
        </TextField>
        <TextField value={publicKey} onChange={setPublicKey}>
          <Label>Public key</Label>
          <TextArea rows={3} className="mono" spellCheck={false} />
          <Text slot="description">
            As the other Holdfast shows it on this page. Compare it with whoever runs that one: a key that
            came with the backup proves nothing.
          </Text>
        </TextField>
        <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
        {error !== undefined && <Failure error={error} />}
        <div>
          <Button type="submit" className="button primary" isPending={fetching}>
            Trust the key
          </Button>
        </div>
      </Form>
    </section>
  );
}
