// One's own account: what one may do, and the password.
import { useState, type SyntheticEvent } from "react";
import { Button, FieldError, Form, Input, Label, Text, TextField } from "react-aria-components";
import { useMutation } from "urql";
import { useAccount } from "../app/account-context.tsx";
import { graphql } from "../graphql/tada.ts";
import { Failure } from "../parts/failure.tsx";
import { Page } from "../parts/page.tsx";
import styles from "./account-page.module.css";

const CHANGE_PASSWORD = graphql(`
  mutation ChangePassword($old: String!, $new: String!) {
    changePassword(oldPassword: $old, newPassword: $new)
  }
`);

export default function AccountPage() {
  const { username, roles, permissions } = useAccount();
  return (
    <Page title={username} about="Your account.">
      <section className="card stack" aria-labelledby="rights">
        <h2 id="rights">What you may do</h2>
        <dl className="facts">
          <div>
            <dt>Roles</dt>
            <dd>{roles.length === 0 ? "none" : roles.join(", ")}</dd>
          </div>
        </dl>
        {permissions.length === 0 ? (
          <p>You have no permission yet. An administrator can give you a role.</p>
        ) : (
          <div className="tags">
            {permissions.map((permission) => (
              <span key={permission} className="tag mono">
                {permission}
              </span>
            ))}
          </div>
        )}
      </section>
      <section className="card">
        <PasswordForm />
      </section>
    </Page>
  );
}

function PasswordForm() {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const [done, setDone] = useState(false);
  const [{ error, fetching }, change] = useMutation(CHANGE_PASSWORD);
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    setDone(false);
    if (next !== again || next === "") return;
    const result = await change({ old, new: next });
    if (result.error !== undefined) return;
    setDone(true);
    setOld("");
    setNext("");
    setAgain("");
  };
  return (
    <Form onSubmit={(event) => void submit(event)} className={styles["form"]}>
      <h2>Change the password</h2>
      <TextField type="password" value={old} onChange={setOld} isRequired>
        <Label>Present password</Label>
        <Input autoComplete="current-password" />
        <FieldError />
      </TextField>
      <TextField type="password" value={next} onChange={setNext} isRequired>
        <Label>New password</Label>
        <Input autoComplete="new-password" />
        <FieldError />
      </TextField>
      <TextField
        type="password"
        value={again}
        onChange={setAgain}
        isInvalid={again !== "" && again !== next}
        isRequired
      >
        <Label>The same again</Label>
        <Input autoComplete="new-password" />
        <FieldError>Not the same yet.</FieldError>
        <Text slot="description">Everywhere else you are signed out.</Text>
      </TextField>
      {error !== undefined && <Failure error={error} />}
      <div role="status">{done && <p className="note good">The password was changed.</p>}</div>
      <div>
        <Button type="submit" className="button primary" isPending={fetching}>
          Change the password
        </Button>
      </div>
    </Form>
  );
}
