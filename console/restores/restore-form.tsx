// The choice before a preview: what of the backup, in which way, and what opens it.
import { useState, type SyntheticEvent } from "react";
import { Button, Form, Label, RadioGroup } from "react-aria-components";
import type { BackupRun } from "../graphql/fragments.ts";
import type { Entity } from "../graphql/tada.ts";
import type { CatalogView } from "../parts/catalog.ts";
import { Option } from "../parts/choice.tsx";
import { EntityChoice, type EntityOption } from "../parts/entity-choice.tsx";
import { refusal } from "../parts/entity-options.ts";
import { formatRows } from "../parts/format.ts";
import { UnlockFields, unlockFault, type Unlock } from "../parts/unlock-fields.tsx";
import { MODES } from "./modes.ts";
import { choiceFault, noRow, writableEntities, type Choice } from "./choice.ts";
import { RowChoices } from "./row-choice.tsx";
import styles from "./restore-form.module.css";

export interface RestoreFormProps {
  readonly backup: BackupRun;
  readonly catalog: CatalogView;
  readonly choice: Choice;
  readonly unlock: Unlock;
  readonly pending: boolean;
  readonly onChoice: (choice: Choice) => void;
  readonly onUnlock: (unlock: Unlock) => void;
  readonly onPreview: () => void;
}

export function RestoreForm(props: RestoreFormProps) {
  const { backup, catalog, choice, unlock, pending, onChoice, onUnlock, onPreview } = props;
  const [fault, setFault] = useState<string>();
  const submit = (event: SyntheticEvent): void => {
    event.preventDefault();
    const wrong = choiceFault(choice) ?? unlockFault(backup.encryption, unlock);
    setFault(wrong);
    if (wrong === undefined) onPreview();
  };
  return (
    <Form onSubmit={submit} validationBehavior="aria">
      <section className="card stack">
        <Extent backup={backup} catalog={catalog} choice={choice} onChoice={onChoice} />
        {choice.rows === undefined ? (
          <EntityChoice
            label="Entities"
            options={optionsOf(backup, catalog)}
            chosen={choice.entities}
            onChange={(entities) => onChoice({ ...choice, entities })}
          />
        ) : (
          <RowChoices
            entities={writableEntities(backup, catalog)}
            rows={choice.rows}
            onChange={(rows) => onChoice({ ...choice, rows })}
          />
        )}
      </section>
      <section className="card stack">
        <RadioGroup
          value={choice.mode}
          onChange={(mode) =>
            onChoice({ ...choice, mode: MODES.find((view) => view.mode === mode)?.mode ?? "MERGE" })
          }
          className="stack"
        >
          <Label>How</Label>
          <div className={styles["modes"]}>
            {MODES.map(({ mode, label, note }) => (
              <Option
                key={mode}
                value={mode}
                isDisabled={mode === "REPLACE" && choice.rows !== undefined}
                framed
              >
                {label}
                <span className={styles["note"]}>{note}</span>
                {mode === "REPLACE" && choice.rows !== undefined && (
                  <span className={styles["note"]}>Of whole entities only.</span>
                )}
              </Option>
            ))}
          </div>
        </RadioGroup>
        <UnlockFields encryption={backup.encryption} unlock={unlock} onChange={onUnlock} />
      </section>
      <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
      <div className="row">
        <Button type="submit" className="button primary" isPending={pending}>
          Preview
        </Button>
        <span className="muted">Counts what would change. Nothing is touched.</span>
      </div>
    </Form>
  );
}

type ExtentProps = Pick<RestoreFormProps, "backup" | "catalog" | "choice" | "onChoice">;

/** All rows of some entities, or some rows. */
function Extent({ backup, catalog, choice, onChoice }: ExtentProps) {
  const [entity] = [...choice.entities, ...writableEntities(backup, catalog)];
  return (
    <RadioGroup
      value={choice.rows === undefined ? "entities" : "rows"}
      onChange={(extent) =>
        onChoice({
          ...choice,
          rows: extent === "entities" || entity === undefined ? undefined : [noRow(entity)],
          mode: choice.mode === "REPLACE" ? "MERGE" : choice.mode,
        })
      }
      className="stack"
    >
      <Label>What to put back</Label>
      <div className={styles["modes"]}>
        <Option value="entities" framed>
          Whole entities
          <span className={styles["note"]}>All the rows that the backup holds of them.</span>
        </Option>
        <Option value="rows" isDisabled={entity === undefined} framed>
          Some rows
          <span className={styles["note"]}>The template that somebody deleted, and no other.</span>
        </Option>
      </div>
    </RadioGroup>
  );
}

function optionsOf(backup: BackupRun, { groups }: CatalogView): EntityOption[] {
  return groups.flatMap((group) =>
    group.entities
      .filter(({ name }) => backup.entities.includes(name))
      .map(({ name, label, writable, writePermissions }) => ({
        name,
        label,
        group: group.name,
        amount: formatRows(rowsOf(backup, name)),
        refusal: writable ? undefined : refusal(writePermissions),
      })),
  );
}

function rowsOf({ contents }: BackupRun, entity: Entity): number {
  return contents.reduce((sum, content) => sum + (content.entity === entity ? content.rows : 0), 0);
}
