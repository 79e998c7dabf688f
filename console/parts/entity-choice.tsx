// Choosing entities, group by group: what each needs, how large it is, and why one cannot be chosen.
import { Button, CheckboxGroup, Label } from "react-aria-components";
import type { Entity, EntityGroup } from "../graphql/tada.ts";
import { Tick } from "./choice.tsx";
import { humanise } from "./format.ts";
import styles from "./entity-choice.module.css";

export interface EntityOption {
  readonly name: Entity;
  readonly label: string;
  readonly group: EntityGroup;
  /** Beside the label: "about 200,000 rows". */
  readonly amount?: string | undefined;
  /** Below the label, small. */
  readonly note?: string | undefined;
  /** Why it cannot be chosen; undefined where it can. */
  readonly refusal?: string | undefined;
}

export interface EntityChoiceProps {
  readonly label: string;
  readonly options: readonly EntityOption[];
  readonly chosen: ReadonlySet<Entity>;
  readonly onChange: (chosen: ReadonlySet<Entity>) => void;
}

export function EntityChoice({ label, options, chosen, onChange }: EntityChoiceProps) {
  const groups = Map.groupBy(options, ({ group }) => group);
  const possible = options.filter(({ refusal }) => refusal === undefined);
  return (
    <CheckboxGroup
      value={[...chosen]}
      onChange={(values) =>
        onChange(new Set(possible.map(({ name }) => name).filter((name) => values.includes(name))))
      }
      className="stack"
    >
      <div className="row apart">
        <Label>{label}</Label>
        <span className="row">
          <Button
            className="button small quiet"
            onPress={() => onChange(new Set(possible.map(({ name }) => name)))}
          >
            All
          </Button>
          <Button className="button small quiet" onPress={() => onChange(new Set())}>
            None
          </Button>
        </span>
      </div>
      <div className={styles["groups"]}>
        {[...groups].map(([group, members]) => (
          <div key={group} className={styles["group"]} role="group" aria-label={humanise(group)}>
            <div className={styles["name"]}>{humanise(group)}</div>
            {members.map((option) => (
              <Tick key={option.name} value={option.name} isDisabled={option.refusal !== undefined}>
                <span className="row apart">
                  {option.label}
                  {option.amount !== undefined && <span className="small muted">{option.amount}</span>}
                </span>
                {option.note !== undefined && <span className={styles["note"]}>{option.note}</span>}
                {option.refusal !== undefined && <span className={styles["note"]}>{option.refusal}</span>}
              </Tick>
            ))}
          </div>
        ))}
      </div>
    </CheckboxGroup>
  );
}
