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
  /** It stands apart from the others, and “All” leaves it alone. */
  readonly optIn?: boolean;
}

export interface EntityChoiceProps {
  readonly label: string;
  readonly options: readonly EntityOption[];
  readonly chosen: ReadonlySet<Entity>;
  readonly onChange: (chosen: ReadonlySet<Entity>) => void;
}

export function EntityChoice({ label, options, chosen, onChange }: EntityChoiceProps) {
  const [usual, apart] = [
    options.filter(({ optIn }) => optIn !== true),
    options.filter(({ optIn }) => optIn),
  ];
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
            onPress={() => {
              const all = possible.filter(({ name, optIn }) => optIn !== true || chosen.has(name));
              onChange(new Set(all.map(({ name }) => name)));
            }}
          >
            All
          </Button>
          <Button className="button small quiet" onPress={() => onChange(new Set())}>
            None
          </Button>
        </span>
      </div>
      <div className={styles["groups"]}>
        {[...Map.groupBy(usual, ({ group }) => group)].map(([group, members]) => (
          <Group key={group} name={humanise(group)} members={members} />
        ))}
      </div>
      {apart.length > 0 && (
        <>
          <p>
            <strong>Only when asked for</strong>{" "}
            <span className="muted">(a backup of everything leaves these out)</span>
          </p>
          <div className={styles["groups"]}>
            {[...Map.groupBy(apart, ({ group }) => group)].map(([group, members]) => (
              <Group key={group} name={humanise(group)} members={members} />
            ))}
          </div>
        </>
      )}
    </CheckboxGroup>
  );
}

interface GroupProps {
  readonly name: string;
  readonly members: readonly EntityOption[];
}

function Group({ name, members }: GroupProps) {
  return (
    <div className={styles["group"]} role="group" aria-label={name}>
      <div className={styles["name"]}>{name}</div>
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
  );
}
