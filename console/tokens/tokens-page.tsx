// Personal access tokens: for scripts that act as their owner, with no more permissions than they need.
import { useState } from "react";
import { Button } from "react-aria-components";
import { useMutation, useQuery } from "urql";
import { announce } from "../app/announce.ts";
import { useConnection } from "../app/connection-context.tsx";
import type { ResultOf } from "../graphql/tada.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import { copyText } from "../parts/copy.ts";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Age, Moment } from "../parts/moment.tsx";
import { Page } from "../parts/page.tsx";
import { REVOKE_TOKEN, TOKENS } from "./documents.ts";
import { NewToken } from "./new-token.tsx";

type Token = ResultOf<typeof TOKENS>["tokens"][number];

export default function TokensPage() {
  const { refresh } = useConnection();
  const [{ data, error, fetching }] = useQuery({ query: TOKENS });
  const [made, setMade] = useState<{ readonly name: string; readonly token: string }>();
  return (
    <Page title="Tokens" about="Personal access tokens: scripts and the command line act as you with them.">
      {error !== undefined && <Failure error={error} />}
      {made !== undefined && <MadeToken name={made.name} token={made.token} />}
      <section className="card">
        <NewToken
          onMade={(next) => {
            setMade(next);
            refresh(["tokens"]);
            announce(`The token ${next.name} was made.`);
          }}
        />
      </section>
      {data === undefined && fetching && <Loading what="tokens" />}
      {data?.tokens.length === 0 && (
        <div className="empty">
          <p>You have no token.</p>
        </div>
      )}
      {data !== undefined && data.tokens.length > 0 && (
        <div className="table-box">
          <table className="folds">
            <thead>
              <tr>
                <th scope="col">Token</th>
                <th scope="col">Permissions</th>
                <th scope="col">Used</th>
                <th scope="col">Expires</th>
                <th scope="col">
                  <span className="visually-hidden">Revoke</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.tokens.map((token) => (
                <TokenRow key={token.id} token={token} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}

function TokenRow({
  token: { id, name, permissions, createdAt, lastUsedAt, expiresAt },
}: {
  readonly token: Token;
}) {
  const { refresh } = useConnection();
  const [{ error, fetching }, revoke] = useMutation(REVOKE_TOKEN);
  const [asking, setAsking] = useState(false);
  return (
    <tr>
      <th scope="row" className="break">
        {name}
        <div className="small muted">
          made <Age at={createdAt} />
        </div>
        {error !== undefined && <Failure error={error} />}
      </th>
      <td className="whole">
        {permissions.length === 0 ? (
          <span className="muted">none</span>
        ) : (
          <details>
            <summary>
              {permissions.length === 1 ? permissions[0] : `${permissions.length} permissions`}
            </summary>
            <div className="tags">
              {permissions.map((permission) => (
                <span key={permission} className="tag mono">
                  {permission}
                </span>
              ))}
            </div>
          </details>
        )}
      </td>
      <td data-label="Used">
        {lastUsedAt === null ? <span className="muted">never</span> : <Age at={lastUsedAt} />}
      </td>
      <td data-label="Expires">
        {expiresAt === null ? <span className="muted">never</span> : <Moment at={expiresAt} />}
      </td>
      <td className="number">
        <Button
          className="button small danger"
          isPending={fetching}
          aria-label={`Revoke ${name}`}
          onPress={() => setAsking(true)}
        >
          Revoke…
        </Button>
        <ConfirmDialog
          isOpen={asking}
          title="Revoke the token?"
          deed="Revoke"
          danger
          onClose={() => setAsking(false)}
          onConfirm={() => {
            setAsking(false);
            void revoke({ id }).then((result) => {
              if (result.error === undefined) refresh(["tokens"]);
            });
          }}
        >
          <p>
            Whatever uses <strong className="break">{name}</strong> is refused from then on.
          </p>
        </ConfirmDialog>
      </td>
    </tr>
  );
}

function MadeToken({ name, token }: { readonly name: string; readonly token: string }) {
  const [copied, setCopied] = useState(false);
  return (
    <div className="note good stack">
      <p>
        <strong className="break">{name}</strong> was made. This is the only time that it is shown: put it
        where it is to be used.
      </p>
      <div className="row">
        <code data-testid="token">{token}</code>
        <Button className="button small" onPress={() => void copyText(token).then(setCopied)}>
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
    </div>
  );
}
