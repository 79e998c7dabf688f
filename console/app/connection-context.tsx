// Hands the connection of the present session to whatever is below.
import { createContext, useContext, useSyncExternalStore } from "react";
import type { Connection } from "../graphql/connection.ts";
import type { LinkState } from "../graphql/link.ts";

const ConnectionContext = createContext<Connection | undefined>(undefined);
export const ConnectionProvider = ConnectionContext.Provider;

export function useConnection(): Connection {
  const connection = useContext(ConnectionContext);
  if (connection === undefined) throw new Error("outside of a session");
  return connection;
}

export function useLink(): LinkState {
  const { link } = useConnection();
  return useSyncExternalStore(link.subscribe, link.get);
}
