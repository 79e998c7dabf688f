// Some of the rows that a restore would change, with what is there and what would be.
import { useEntityLabel } from "../parts/catalog.ts";
import type { DetailedRestore, Sample } from "./documents.ts";
import styles from "./samples.module.css";

const KINDS = {
  INSERTED: { word: "Inserted", tone: "good" },
  UPDATED: { word: "Updated", tone: "busy" },
  DELETED: { word: "Deleted", tone: "bad" },
} as const;

export function Samples({ sampled }: Pick<DetailedRestore, "sampled">) {
  const labelOf = useEntityLabel();
  const changed = sampled.filter(({ inserted, updated, deleted }) => inserted + updated + deleted > 0);
  const withSamples = changed.filter(({ samples }) => samples !== null && samples.length > 0);
  const hidden = [
    ...new Set(changed.filter(({ samples }) => samples === null).map(({ entity }) => labelOf(entity))),
  ];
  return (
    <>
      {withSamples.map(({ table, samples }) => (
        <details key={table} className="card">
          <summary>
            Some of these rows of <code>{table}</code>
          </summary>
          <div className={styles["samples"]}>
            {samples?.map((sample) => (
              <SampleRow key={JSON.stringify(sample)} sample={sample} />
            ))}
          </div>
        </details>
      ))}
      {hidden.length > 0 && (
        <p className="muted small">Rows of {hidden.join(", ")} are not shown: you may not read them.</p>
      )}
    </>
  );
}

function SampleRow({ sample: { kind, columns } }: { readonly sample: Sample }) {
  const { word, tone } = KINDS[kind];
  return (
    <div className={styles["sample"]}>
      <span className={`tag ${tone}`}>{word}</span>
      <dl className={styles["columns"]}>
        {columns.map(({ column, before, after, changed }) => (
          <div key={column} className={changed && kind === "UPDATED" ? styles["changed"] : undefined}>
            <dt>{column}</dt>
            <dd className="mono">
              {kind === "UPDATED" && changed ? (
                <>
                  <del>{before ?? "NULL"}</del> <ins>{after ?? "NULL"}</ins>
                </>
              ) : (
                ((kind === "DELETED" ? before : after) ?? "NULL")
              )}
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
