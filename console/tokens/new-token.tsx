// Making a token: a name, how long it is good for, and which of one's own permissions it has.
import { useState, type SyntheticEvent } from "react";
import { Button, CheckboxGroup, Form, Input, Label, TextField } from "react-aria-components";
import { useMutation } from "urql";
import { useAccount } from "../app/account-context.tsx";
import { SingleTick, Tick } from "../parts/choice.tsx";
import { Failure } from "../parts/failure.tsx";
import { SelectField } from "../parts/select-field.tsx";
import { CREATE_TOKEN } from "./documents.ts";
import styles from "./tokens-page.module.css";

const LIVES = [
  { value: "7", label: "a week" },
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "a year" },
] as const;
const DAY_MS = 86_400_000;

export interface NewTokenProps {
  readonly onMade: (made: { readonly name: string; readonly token: string }) => void;
}

export function NewToken({ onMade }: NewTokenProps) {
  const { permissions } = useAccount();
  const [name, setName] = useState("");
  const [days, setDays] = useState<(typeof LIVES)[number]["value"] | "">("90");
  const [all, setAll] = useState(true);
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [fault, setFault] = useState<string>();
  const [{ error, fetching }, create] = useMutation(CREATE_TOKEN);
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    setFault(name.trim() === "" ? "Give the token a name." : undefined);
    if (name.trim() === "") return;
    const { data } = await create({
      input: {
        name: name.trim(),
        permissions: all ? undefined : permissions.filter((permission) => chosen.includes(permission)),
        expiresAt: days === "" ? undefined : new Date(Date.now() + Number(days) * DAY_MS).toISOString(),
      },
    });
    if (data === undefined) return;
    onMade({ name: data.createToken.accessToken.name, token: data.createToken.token });
    setName("");
  };
  return (
    <Form onSubmit={(event) => void submit(event)} validationBehavior="aria">
      <h2>New token</h2>
      <div className={styles["fields"]}>
        <TextField value={name} onChange={setName} maxLength={100}>
          <Label>Name</Label>
          <Input placeholder="nightly script" />
        </TextField>
        <SelectField label="Good for" value={days} options={LIVES} none="ever" onChange={setDays} />
      </div>
      <SingleTick isSelected={all} onChange={setAll}>
        All of my permissions
      </SingleTick>
      {!all && (
        <CheckboxGroup value={[...chosen]} onChange={setChosen} className="stack">
          <Label>Permissions</Label>
          <div className={styles["permissions"]}>
            {permissions.map((permission) => (
              <Tick key={permission} value={permission}>
                <span className="mono">{permission}</span>
              </Tick>
            ))}
          </div>
        </CheckboxGroup>
      )}
      <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
      {error !== undefined && <Failure error={error} />}
      <div>
        <Button type="submit" className="button primary" isPending={fetching}>
          Make the token
        </Button>
      </div>
    </Form>
  );
}
