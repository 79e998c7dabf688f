// Which backups are listed: what they hold, what became of them, who made them. It is kept in the address.
import { useEffect, useEffectEvent, useId, useRef, useState } from "react";
import { useQuery } from "urql";
import { useMay } from "../app/account-context.tsx";
import { useCatalog } from "../parts/catalog.ts";
import { useSearchState } from "../parts/search-state.ts";
import { SelectField } from "../parts/select-field.tsx";
import { statusWord } from "../parts/status-tag.tsx";
import { SCHEDULES } from "../schedules/documents.ts";
import styles from "./backups-page.module.css";

const STATUSES = ["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] as const;
const NAMES = ["entity", "status", "schedule", "label", "deleted"] as const;
/** A label is looked for when somebody stops typing it. */
const TYPING_MS = 300;

type FilterState = Readonly<Record<(typeof NAMES)[number], string>>;
type FilterChange = Partial<FilterState>;

/** What the address says, as the page shows it and as the server takes it. */
export function useBackupFilter() {
  const { catalog } = useCatalog();
  const [set, change] = useSearchState(NAMES);
  const filter = {
    status: STATUSES.find((name) => name === set.status),
    entity: [...(catalog?.entities.values() ?? [])].find(({ name }) => name === set.entity)?.name,
    scheduleId: set.schedule === "" ? undefined : set.schedule,
    label: set.label === "" ? undefined : set.label,
    deleted: set.deleted === "yes" ? true : undefined,
  };
  return { filter, set, change };
}

export function isFiltered(set: FilterState): boolean {
  return Object.values(set).some((value) => value !== "");
}

export interface BackupFiltersProps {
  readonly set: FilterState;
  readonly onChange: (change: FilterChange) => void;
  /** Labels that are known, to choose from. */
  readonly labels: readonly string[] | undefined;
}

export function BackupFilters({ set, onChange, labels = [] }: BackupFiltersProps) {
  const { catalog } = useCatalog();
  const entities = [...(catalog?.entities.values() ?? [])].filter(({ readable }) => readable);
  return (
    <search className={styles["filters"]}>
      <SelectField
        label="Entity"
        none="Any"
        value={entities.find(({ name }) => name === set.entity)?.name ?? ""}
        options={entities.map(({ name, label }) => ({ value: name, label }))}
        onChange={(entity) => onChange({ entity })}
      />
      <SelectField
        label="Status"
        none="Any"
        value={STATUSES.find((name) => name === set.status) ?? ""}
        options={STATUSES.map((value) => ({ value, label: statusWord(value) }))}
        onChange={(status) => onChange({ status })}
      />
      <ScheduleFilter value={set.schedule} onChange={(schedule) => onChange({ schedule })} />
      <LabelFilter value={set.label} labels={labels} onChange={(label) => onChange({ label })} />
      <SelectField
        label="Which"
        none="Kept ones"
        value={set.deleted === "yes" ? "yes" : ""}
        options={[{ value: "yes", label: "Deleted ones" }]}
        onChange={(deleted) => onChange({ deleted })}
      />
    </search>
  );
}

interface FieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** For those who may see schedules. */
function ScheduleFilter({ value, onChange }: FieldProps) {
  const may = useMay("MANAGE_BACKUPS");
  const [{ data }] = useQuery({ query: SCHEDULES, pause: !may });
  const options = (data?.schedules ?? []).map(({ id, name }) => ({ value: id, label: name }));
  // Schedules that are gone leave their backups behind, and links to them.
  const known =
    value === "" || options.some((option) => option.value === value)
      ? options
      : [...options, { value, label: may ? "a schedule that is gone" : "one schedule" }];
  if (known.length === 0) return null;
  return <SelectField label="Schedule" none="Any" value={value} options={known} onChange={onChange} />;
}

interface LabelFilterProps extends FieldProps {
  readonly labels: readonly string[];
}

function LabelFilter({ value, labels, onChange }: LabelFilterProps) {
  const id = useId();
  const [typed, setTyped] = useState(value);
  const sent = useRef(value);
  const send = useEffectEvent((label: string) => {
    sent.current = label;
    if (label !== value) onChange(label);
  });
  useEffect(() => {
    const timer = setTimeout(() => send(typed.trim()), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  // The address was changed by something else: a link that shows all of them.
  useEffect(() => {
    if (value !== sent.current) setTyped(value);
    sent.current = value;
  }, [value]);
  return (
    <div className="field">
      <label htmlFor={id}>Label</label>
      <input
        id={id}
        type="search"
        list={`${id}-known`}
        placeholder="the whole label"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <datalist id={`${id}-known`}>
        {[...new Set(labels)].map((label) => (
          <option key={label} value={label}>
            {label}
          </option>
        ))}
      </datalist>
    </div>
  );
}
