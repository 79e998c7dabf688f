// Whether each store answers.
import { useQuery } from "urql";
import { STORES } from "../stores/documents.ts";
import type { Reachable } from "../stores/reachable.ts";

export function StoreHealth({ reachable }: { readonly reachable: Reachable | undefined }) {
  const [{ data }] = useQuery({ query: STORES });
  if (data === undefined) return null;
  return (
    <section className="stack" aria-labelledby="stores">
      <h2 id="stores">Stores</h2>
      <ul className="tags">
        {data.stores.map(({ name }) => (
          <li key={name} className={reachable?.get(name) === false ? "tag bad" : "tag good"}>
            {name}:{" "}
            {reachable?.get(name) === false ? "does not answer" : reachable === undefined ? "…" : "answers"}
          </li>
        ))}
      </ul>
    </section>
  );
}
