// One of the stores, or none in particular; nothing to choose where there is one.
import { useQuery } from "urql";
import { SelectField } from "../parts/select-field.tsx";
import { STORES } from "./documents.ts";

export interface StoreSelectProps {
  readonly label: string;
  /** What is meant where none is chosen. */
  readonly none: string;
  /** A name; "" where none is chosen. */
  readonly value: string;
  readonly onChange: (name: string) => void;
}

export function StoreSelect({ label, none, value, onChange }: StoreSelectProps) {
  const [{ data }] = useQuery({ query: STORES });
  const stores = data?.stores ?? [];
  if (stores.length < 2) return null;
  const options = stores.map(({ name, kind }) => ({ value: name, label: `${name} (${kind})` }));
  return <SelectField label={label} none={none} value={value} options={options} onChange={onChange} />;
}
