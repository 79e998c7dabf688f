// Signing in: whatever page was asked for comes after it, for the address stays as it is.
import { useMemo, useRef, useState, type SyntheticEvent } from "react";
import { Button, FieldError, Form, Input, Label, TextField } from "react-aria-components";
import { Brand } from "../app/brand.tsx";
import { codeOf, createConnection } from "../graphql/connection.ts";
import { graphql } from "../graphql/tada.ts";
import { describeError } from "../parts/failure.tsx";
import { usePageTitle } from "../parts/page.tsx";
import { beginSession, type Parting } from "./session.ts";
import styles from "./sign-in-page.module.css";

const LOGIN = graphql(`
  mutation Login($username: String!, $password: String!) {
    login(username: $username, password: $password) {
      token
      expiresAt
      account {
        id
        username
      }
    }
  }
`);

const PARTINGS: Readonly<Record<Parting, string>> = {
  expired: "Your session has ended. Sign in again; you will come back to the same page.",
  "signed out": "You are signed out.",
};

export function SignInPage({ parting }: { readonly parting: Parting | undefined }) {
  usePageTitle("Sign in");
  const { client } = useMemo(() => createConnection({}), []);
  const [failure, setFailure] = useState<string>();
  const [pending, setPending] = useState(false);
  const password = useRef<HTMLInputElement>(null);

  const submit = async (event: SyntheticEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setPending(true);
    setFailure(undefined);
    const { data, error } = await client
      .mutation(LOGIN, { username: textOf(form, "username"), password: textOf(form, "password") })
      .toPromise();
    setPending(false);
    if (data !== undefined) {
      const { token, expiresAt, account } = data.login;
      beginSession({ token, expiresAt, username: account.username });
      return;
    }
    setFailure(
      codeOf(error) === "BAD_CREDENTIALS"
        ? "The user name or the password is not right."
        : describeError(error).message,
    );
    password.current?.focus();
    password.current?.select();
  };

  return (
    <main className={styles.page}>
      <div className={styles.card}>
        <Brand large />
        <h1 className={styles.title}>Sign in</h1>
        {parting !== undefined && failure === undefined && (
          <p role="status" className="muted">
            {PARTINGS[parting]}
          </p>
        )}
        <div role="alert">{failure !== undefined && <p className="note bad">{failure}</p>}</div>
        <Form onSubmit={(event) => void submit(event)}>
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- there is nothing else that one could do here */}
          <TextField name="username" isRequired autoFocus>
            <Label>User name</Label>
            <Input autoComplete="username" autoCapitalize="none" spellCheck={false} />
            <FieldError />
          </TextField>
          <TextField name="password" type="password" isRequired>
            <Label>Password</Label>
            <Input ref={password} autoComplete="current-password" />
            <FieldError />
          </TextField>
          <Button type="submit" className="button primary wide" isPending={pending}>
            {pending ? "Signing in…" : "Sign in"}
          </Button>
        </Form>
        <p className={styles.hint}>
          On a first start, <code>holdfast serve</code> prints the password of <code>admin</code>.
        </p>
      </div>
    </main>
  );
}

function textOf(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === "string" ? value : "";
}
