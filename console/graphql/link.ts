// Whether what the page shows is live, for whoever wants to know it.

export type LinkState = "connecting" | "live" | "reconnecting";

/** Whether the stream of events stands. */
export interface Link {
  readonly get: () => LinkState;
  readonly set: (state: LinkState) => void;
  readonly subscribe: (listener: () => void) => () => void;
}

export function createLink(): Link {
  let state: LinkState = "connecting";
  const listeners = new Set<() => void>();
  return {
    get: () => state,
    set(next: LinkState) {
      if (next === state) return;
      state = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
