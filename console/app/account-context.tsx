// Who is signed in and what they may do, for every page.
import { createContext, useContext } from "react";
import { graphql, type ResultOf } from "../graphql/tada.ts";

export const ME = graphql(`
  query Me {
    me {
      id
      username
      roles
      permissions
    }
  }
`);

export type Account = NonNullable<ResultOf<typeof ME>["me"]>;

const AccountContext = createContext<Account | undefined>(undefined);
export const AccountProvider = AccountContext.Provider;

export function useAccount(): Account {
  const account = useContext(AccountContext);
  if (account === undefined) throw new Error("outside of a session");
  return account;
}

export function useMay(permission: Account["permissions"][number]): boolean {
  return useAccount().permissions.includes(permission);
}
