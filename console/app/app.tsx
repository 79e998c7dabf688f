// The whole: the sign-in page, or the shell with its pages around one connection per session.
import { useEffect, useState } from "react";
import { Provider, useQuery } from "urql";
import { createConnection, type Connection } from "../graphql/connection.ts";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { endSession, useSessionState, type Session } from "../session/session.ts";
import { SignInPage } from "../session/sign-in-page.tsx";
import { AccountProvider, ME } from "./account-context.tsx";
import { ConnectionProvider } from "./connection-context.tsx";
import { Shell } from "./shell.tsx";

export function App() {
  const { session, parting } = useSessionState();
  return session === undefined ? (
    <SignInPage parting={parting} />
  ) : (
    <SignedIn key={session.token} session={session} />
  );
}

function SignedIn({ session: { token, expiresAt } }: { readonly session: Session }) {
  const [connection, setConnection] = useState<Connection>();
  useEffect(() => {
    const opened = createConnection({ token, onRefused: () => endSession(token, "expired") });
    // oxlint-disable-next-line react/set-state-in-effect -- what is opened has to be closed, which a render cannot
    setConnection(opened);
    const expiry = setTimeout(
      () => endSession(token, "expired"),
      Math.min(Date.parse(expiresAt) - Date.now(), 2 ** 31 - 1),
    );
    return () => {
      clearTimeout(expiry);
      opened.close();
    };
  }, [token, expiresAt]);
  if (connection === undefined) return null;
  return (
    <ConnectionProvider value={connection}>
      <Provider value={connection.client}>
        <WithAccount />
      </Provider>
    </ConnectionProvider>
  );
}

function WithAccount() {
  const [{ data, error }] = useQuery({ query: ME });
  if (data?.me != null) {
    return (
      <AccountProvider value={data.me}>
        <Shell />
      </AccountProvider>
    );
  }
  return error === undefined ? <Loading what="your account" /> : <Failure error={error} />;
}
