// Why a restore cannot be: what stands in its way, one by one, and what would clear it.
import { Button } from "react-aria-components";
import type { Entity } from "../graphql/tada.ts";
import { useEntityLabel } from "../parts/catalog.ts";
import { formatRows } from "../parts/format.ts";
import { FailureNote } from "../parts/failure.tsx";
import type { Conflict, DetailedRestore } from "./documents.ts";
import styles from "./conflicts.module.css";

interface ConflictsProps {
  readonly conflicts: readonly Conflict[];
  /** Left out where nothing can be chosen any more. */
  readonly onAdd?: (entity: Entity) => void;
}

export interface RestoreFailureProps extends ConflictsProps {
  readonly error: DetailedRestore["error"];
}

/** The error's message tells of the conflicts in one sentence: where they are listed, once is enough. */
export function RestoreFailure({ error, ...listed }: RestoreFailureProps) {
  if (error === null) return null;
  const message = listed.conflicts.length > 0 ? "It cannot be put back like this." : error.message;
  return (
    <>
      <FailureNote {...error} message={message} />
      <Conflicts {...listed} />
    </>
  );
}

function Conflicts({ conflicts, onAdd }: ConflictsProps) {
  const labelOf = useEntityLabel();
  if (conflicts.length === 0) return null;
  const toAdd = [...new Set(conflicts.flatMap(({ add }) => (add === null ? [] : [add])))];
  return (
    <section className="card stack" aria-label="Conflicts">
      <h3>What stands in the way</h3>
      <ul className={styles["conflicts"]}>
        {conflicts.map((conflict) => (
          <li key={JSON.stringify(conflict)} className="break">
            <Description conflict={conflict} />
          </li>
        ))}
      </ul>
      {onAdd !== undefined && toAdd.length > 0 && (
        <div className="row">
          {toAdd.map((entity) => (
            <Button key={entity} className="button" onPress={() => onAdd(entity)}>
              Restore {labelOf(entity)} as well
            </Button>
          ))}
        </div>
      )}
    </section>
  );
}

function Description({ conflict }: { readonly conflict: Conflict }) {
  const { kind, table, constraint, rows, values, row, other, otherIsLive, references } = conflict;
  if (kind === "UNIQUE") {
    return (
      <>
        <code>{table}</code>: {row ?? "a row of the backup"} and {other ?? "another row"}
        {otherIsLive === true && ", which is there now,"} cannot both have {values} (<code>{constraint}</code>
        ).
      </>
    );
  }
  return kind === "MISSING_REFERENCE" ? (
    <>
      <code>{table}</code>: {formatRows(rows)} would refer to {values}
      {references !== null && (
        <>
          {" "}
          in <code>{references}</code>
        </>
      )}
      , which is not there (<code>{constraint}</code>).
    </>
  ) : (
    <>
      <code>{table}</code>: {formatRows(rows)} would lose what they refer to, {values} (
      <code>{constraint}</code>).
    </>
  );
}
