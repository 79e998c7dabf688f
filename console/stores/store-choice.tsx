// Which stores a backup goes to; nothing to choose where there is one.
import { useEffect } from "react";
import { CheckboxGroup, Label, Text } from "react-aria-components";
import { useQuery } from "urql";
import { Tick } from "../parts/choice.tsx";
import { STORES } from "./documents.ts";

export interface StoreChoiceProps {
  /** undefined: whatever is the default. */
  readonly chosen: readonly string[] | undefined;
  readonly onChange: (chosen: readonly string[] | undefined) => void;
}

export function StoreChoice({ chosen, onChange }: StoreChoiceProps) {
  const [{ data }] = useQuery({ query: STORES });
  const stores = data?.stores ?? [];
  const isNone = chosen?.length === 0;
  useEffect(() => {
    if (isNone) onChange(undefined);
  }, [isNone, onChange]);
  if (stores.length < 2) return null;
  const value = chosen ?? stores.filter((store) => store.default).map(({ name }) => name);
  return (
    <CheckboxGroup value={[...value]} onChange={onChange} className="stack">
      <Label>Stores</Label>
      <div className="row">
        {stores.map(({ name, kind }) => (
          <Tick key={name} value={name}>
            {name} <span className="small muted">{kind}</span>
          </Tick>
        ))}
      </div>
      <Text slot="description">Where the backup is kept; every chosen store gets a whole copy.</Text>
    </CheckboxGroup>
  );
}
