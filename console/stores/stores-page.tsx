// Where backups are kept, and whether each place answers.
import { Button } from "react-aria-components";
import { useMutation, useQuery } from "urql";
import { Link } from "wouter";
import { useMay } from "../app/account-context.tsx";
import { announce } from "../app/announce.ts";
import type { ResultOf } from "../graphql/tada.ts";
import { Failure, FailureNote } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";
import { CHECK_STORE, STORE_HEALTH, STORES } from "./documents.ts";
import { useReachable } from "./reachable.ts";

type Health = ResultOf<typeof STORE_HEALTH>["stores"][number]["health"];

export default function StoresPage() {
  const may = useMay("MANAGE_BACKUPS");
  const [{ data, error, fetching }] = useQuery({ query: STORES });
  const [asked, askAgain] = useQuery({ query: STORE_HEALTH, pause: !may });
  const reachable = useReachable();
  const known = new Map(asked.data?.stores.map((store) => [store.name, store]));
  return (
    <Page
      title="Stores"
      about="Where backups are kept. They are named in the server's configuration."
      actions={
        may && (
          <>
            <Link href="/backups/import" className="button">
              Look for backups…
            </Link>
            <Button
              className="button"
              isPending={asked.fetching}
              onPress={() => askAgain({ requestPolicy: "network-only" })}
            >
              Ask again
            </Button>
          </>
        )
      }
    >
      {error !== undefined && <Failure error={error} />}
      {data === undefined && fetching && <Loading what="stores" />}
      {data?.stores.map((store) => {
        const health = known.get(store.name)?.health ?? null;
        const place = known.get(store.name)?.place ?? null;
        return (
          <section key={store.name} className="card stack" aria-label={store.name}>
            <div className="row apart">
              <h2 className="break">{store.name}</h2>
              <State health={health} answers={reachable?.get(store.name)} />
            </div>
            <dl className="facts">
              <div>
                <dt>Kind</dt>
                <dd>{store.kind}</dd>
              </div>
              <div>
                <dt>Used</dt>
                <dd>{store.default ? "by default" : "when it is named"}</dd>
              </div>
              {place !== null && (
                <div>
                  <dt>Place</dt>
                  <dd>
                    <code>{place}</code>
                  </dd>
                </div>
              )}
            </dl>
            {health?.error != null && <FailureNote {...health.error} />}
            {may && <CheckStore name={store.name} />}
          </section>
        );
      })}
    </Page>
  );
}

/** That a store answers is not that it takes what it is given. */
function CheckStore({ name }: { readonly name: string }) {
  const [{ data, error, fetching }, check] = useMutation(CHECK_STORE);
  const found = fetching ? undefined : data?.checkStore;
  return (
    <>
      <div className="row">
        <Button
          className="button small"
          isPending={fetching}
          aria-label={`Check ${name}`}
          onPress={() =>
            void check({ name }).then((result) => {
              if (result.data?.checkStore.reachable === true) announce(`${name} takes backups.`);
            })
          }
        >
          {fetching ? "Checking…" : "Check"}
        </Button>
        <span className="small muted">Puts a small object there, lists it, reads it and deletes it.</span>
      </div>
      {found?.reachable === true && (
        <p className="note good">✓ It takes what it is given, lists it, gives it back and deletes it.</p>
      )}
      {found?.error != null && <FailureNote {...found.error} />}
      {error !== undefined && <Failure error={error} />}
    </>
  );
}

function State({ health, answers }: { readonly health: Health; readonly answers: boolean | undefined }) {
  const reachable = health?.reachable ?? answers;
  if (reachable === undefined) return <span className="muted">…</span>;
  return reachable ? (
    <span className="tag good">✓ Answers</span>
  ) : (
    <span className="tag bad">✕ Does not answer</span>
  );
}
