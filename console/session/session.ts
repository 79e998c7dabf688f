// Who is signed in, in this tab. The token is kept in the tab's sessionStorage: a reload keeps it, closing the tab
// forgets it, no other tab or site has it, and it is sent only by this page's own code (docs/console.md says more).
import { useSyncExternalStore } from "react";

export interface Session {
  readonly token: string;
  /** When the server stops taking the token. */
  readonly expiresAt: string;
  readonly username: string;
}

/** Why there is no session: said on the sign-in page. */
export type Parting = "expired" | "signed out";

const KEY = "holdfast.session";

interface State {
  readonly session: Session | undefined;
  readonly parting: Parting | undefined;
}

let state: State = { session: readKept(), parting: undefined };
const listeners = new Set<() => void>();

function readKept(): Session | undefined {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return isSession(kept) && Date.parse(kept.expiresAt) > Date.now() ? kept : undefined;
  } catch {
    return undefined;
  }
}

function isSession(value: unknown): value is Session {
  return (
    typeof value === "object" &&
    value !== null &&
    ["token", "expiresAt", "username"].every((key) => typeof Reflect.get(value, key) === "string")
  );
}

function change(next: State): void {
  state = next;
  if (next.session === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, JSON.stringify(next.session));
  for (const listener of listeners) listener();
}

export function beginSession(session: Session): void {
  change({ session, parting: undefined });
}

/** Ends the session that has this token; one that has begun meanwhile stays. */
export function endSession(token: string, parting: Parting): void {
  if (state.session?.token === token) change({ session: undefined, parting });
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useSessionState(): State {
  return useSyncExternalStore(subscribe, () => state);
}
