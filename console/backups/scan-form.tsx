// Backups that a store holds and this server does not know: those of a server that was lost, say.
import { useState } from "react";
import { Button } from "react-aria-components";
import { useMutation } from "urql";
import { Link } from "wouter";
import { announce } from "../app/announce.ts";
import { useConnection } from "../app/connection-context.tsx";
import { Failure } from "../parts/failure.tsx";
import { formatCount } from "../parts/format.ts";
import { StoreSelect } from "../stores/store-select.tsx";
import { nameOf } from "./backup-table.tsx";
import { SCAN_STORES, type ScannedArtifact } from "./documents.ts";

const STATES: Readonly<Record<ScannedArtifact["state"], { word: string; tone: string }>> = {
  LISTED: { word: "✓ Listed now", tone: "good" },
  MERGED: { word: "✓ Here as well", tone: "good" },
  KNOWN: { word: "Known before", tone: "" },
  INCOMPLETE: { word: "Not finished", tone: "warn" },
  FOREIGN: { word: "Of something else", tone: "warn" },
  UNREADABLE: { word: "✕ Unreadable", tone: "bad" },
};

export function ScanForm() {
  const { refresh } = useConnection();
  const [store, setStore] = useState("");
  const [{ data, error, fetching }, scan] = useMutation(SCAN_STORES);
  const look = async (): Promise<void> => {
    const result = await scan({ stores: store === "" ? undefined : [store] });
    if (result.data === undefined) return;
    refresh(["backups"]);
    announce(summaryOf(result.data.scanStores));
  };
  return (
    <section className="card stack" aria-labelledby="scan">
      <h2 id="scan">From the stores</h2>
      <p className="muted">
        Looks at what the stores hold, and lists the backups that are not known here: what another server has
        made, or this one before its database was lost.
      </p>
      <StoreSelect label="Store" none="All stores" value={store} onChange={setStore} />
      <div>
        <Button className="button" isPending={fetching} onPress={() => void look()}>
          {fetching ? "Looking…" : "Look"}
        </Button>
      </div>
      {error !== undefined && <Failure error={error} />}
      {data !== undefined && !fetching && <Found found={data.scanStores} />}
    </section>
  );
}

function summaryOf(found: readonly ScannedArtifact[]): string {
  if (found.length === 0) return "The stores hold no backup.";
  const listed = found.filter(({ state }) => state === "LISTED").length;
  return `${formatCount(found.length)} found, ${formatCount(listed)} of them new.`;
}

function Found({ found }: { readonly found: readonly ScannedArtifact[] }) {
  return (
    <>
      <p>{summaryOf(found)}</p>
      {found.length > 0 && (
        <div className="table-box">
          <table className="folds">
            <thead>
              <tr>
                <th scope="col">Backup</th>
                <th scope="col">State</th>
                <th scope="col">Store</th>
                <th scope="col">Why</th>
              </tr>
            </thead>
            <tbody>
              {found.map(({ store, artifactId, state, message, backup }) => (
                <tr key={`${store} ${artifactId}`}>
                  <th scope="row" className="break">
                    {backup === null ? (
                      <code>{artifactId}</code>
                    ) : (
                      <Link href={`/backups/${backup.id}`}>{nameOf(backup)}</Link>
                    )}
                  </th>
                  <td>
                    <span className={`tag ${STATES[state].tone}`}>{STATES[state].word}</span>
                  </td>
                  <td data-label="Store">{store}</td>
                  <td className="break whole">{message}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
