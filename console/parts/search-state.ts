// What a page is set to, in its address: it can be sent to somebody, and "back" brings it back.
import { useCallback } from "react";
import { useSearchParams } from "wouter";

/** @returns the named parameters ("" where one is not there), and how to change some of them */
export function useSearchState<K extends string>(
  names: readonly K[],
): readonly [Readonly<Record<K, string>>, (change: Partial<Record<K, string>>) => void] {
  const [params, setParams] = useSearchParams();
  const change = useCallback(
    (next: Partial<Record<K, string>>) => {
      setParams(
        (before) => {
          const after = new URLSearchParams(before);
          for (const [name, value] of Object.entries<string | undefined>(next)) {
            if (value === undefined || value === "") after.delete(name);
            else after.set(name, value);
          }
          return after;
        },
        { replace: true },
      );
    },
    [setParams],
  );
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one entry for each of the names
  const state = Object.fromEntries(names.map((name) => [name, params.get(name) ?? ""])) as Record<K, string>;
  return [state, change];
}
