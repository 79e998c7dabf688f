// Where backups are kept.
import { useQuery } from "urql";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";
import { STORES } from "./documents.ts";
import { useReachable } from "./reachable.ts";

export default function StoresPage() {
  const [{ data, error, fetching }] = useQuery({ query: STORES });
  const reachable = useReachable();
  return (
    <Page title="Stores" about="Where backups are kept. They are named in the server's configuration.">
      {error !== undefined && <Failure error={error} />}
      {data === undefined && fetching && <Loading what="stores" />}
      {data !== undefined && (
        <div className="table-box">
          <table className="folds">
            <thead>
              <tr>
                <th scope="col">Store</th>
                <th scope="col">Kind</th>
                <th scope="col">Used</th>
                <th scope="col">State</th>
              </tr>
            </thead>
            <tbody>
              {data.stores.map((store) => (
                <tr key={store.name}>
                  <th scope="row" className="break">
                    {store.name}
                  </th>
                  <td>{store.kind}</td>
                  <td className="whole">{store.default ? "by default" : "when it is named"}</td>
                  <td>
                    <StoreState answers={reachable?.get(store.name)} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Page>
  );
}

function StoreState({ answers }: { readonly answers: boolean | undefined }) {
  if (answers === undefined) return <span className="muted">…</span>;
  return answers ? (
    <span className="tag good">✓ Answers</span>
  ) : (
    <span className="tag bad">✕ Does not answer</span>
  );
}
