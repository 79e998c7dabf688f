// Choosing single rows: each by its key, or by values in columns.
import { Button, Input, Label, Text, TextField } from "react-aria-components";
import type { Entity } from "../graphql/tada.ts";
import { useEntityLabel } from "../parts/catalog.ts";
import { SelectField } from "../parts/select-field.tsx";
import { NO_COLUMN, noRow, type ColumnChoice, type RowChoice } from "./choice.ts";
import styles from "./row-choice.module.css";

export interface RowChoicesProps {
  /** Entities whose rows the caller may put back. */
  readonly entities: readonly Entity[];
  readonly rows: readonly RowChoice[];
  readonly onChange: (rows: readonly RowChoice[]) => void;
}

export function RowChoices({ entities, rows, onChange }: RowChoicesProps) {
  const [first] = entities;
  return (
    <div className="stack">
      {rows.map((row, index) => (
        <OneRow
          // Rows have no name of their own, and keep their places.
          key={index}
          number={index + 1}
          entities={entities}
          row={row}
          onChange={(next) => onChange(rows.with(index, next))}
          onRemove={rows.length > 1 ? () => onChange(rows.toSpliced(index, 1)) : undefined}
        />
      ))}
      <div className="row">
        <Button
          className="button small"
          isDisabled={first === undefined}
          onPress={() => {
            const entity = rows.at(-1)?.entity ?? first;
            if (entity !== undefined) onChange([...rows, noRow(entity)]);
          }}
        >
          Another row
        </Button>
        <span className="small muted">
          Rows of the entity’s other tables that belong to a chosen one come with it.
        </span>
      </div>
    </div>
  );
}

interface OneRowProps {
  readonly number: number;
  readonly entities: readonly Entity[];
  readonly row: RowChoice;
  readonly onChange: (row: RowChoice) => void;
  readonly onRemove: (() => void) | undefined;
}

const WAYS = [
  { value: "key", label: "its key" },
  { value: "columns", label: "values in columns" },
] as const;

function OneRow({ number, entities, row, onChange, onRemove }: OneRowProps) {
  const labelOf = useEntityLabel();
  return (
    <div className={styles["row"]} role="group" aria-label={`Row ${number}`}>
      <div className={styles["fields"]}>
        <SelectField
          label="Entity"
          value={row.entity}
          options={entities.map((name) => ({ value: name, label: labelOf(name) }))}
          onChange={(entity) => entity !== "" && onChange({ ...row, entity })}
        />
        <SelectField
          label="Found by"
          value={row.by}
          options={WAYS}
          onChange={(by) => by !== "" && onChange({ ...row, by })}
        />
        {row.by === "key" && (
          <TextField value={row.key} onChange={(key) => onChange({ ...row, key })}>
            <Label>Key</Label>
            <Input className="mono" autoComplete="off" spellCheck={false} placeholder="42" />
            <Text slot="description">Commas between the columns of a longer one.</Text>
          </TextField>
        )}
        {onRemove !== undefined && (
          <Button className="button small quiet" aria-label={`Remove row ${number}`} onPress={onRemove}>
            Remove
          </Button>
        )}
      </div>
      {row.by === "columns" && (
        <Columns columns={row.columns} onChange={(columns) => onChange({ ...row, columns })} />
      )}
    </div>
  );
}

interface ColumnsProps {
  readonly columns: readonly ColumnChoice[];
  readonly onChange: (columns: readonly ColumnChoice[]) => void;
}

function Columns({ columns, onChange }: ColumnsProps) {
  return (
    <div className="stack">
      {columns.map((one, index) => (
        <div key={index} className={styles["fields"]}>
          <TextField
            value={one.column}
            onChange={(column) => onChange(columns.with(index, { ...one, column }))}
          >
            <Label>Column</Label>
            <Input className="mono" autoComplete="off" spellCheck={false} placeholder="name" />
          </TextField>
          <TextField
            value={one.equals}
            onChange={(equals) => onChange(columns.with(index, { ...one, equals }))}
          >
            <Label>Equals</Label>
            <Input autoComplete="off" spellCheck={false} />
          </TextField>
          {columns.length > 1 && (
            <Button
              className="button small quiet"
              aria-label={`Remove the column ${one.column}`}
              onPress={() => onChange(columns.toSpliced(index, 1))}
            >
              Remove
            </Button>
          )}
        </div>
      ))}
      <div>
        <Button className="button small quiet" onPress={() => onChange([...columns, NO_COLUMN])}>
          And another column
        </Button>
      </div>
    </div>
  );
}
