// Which stores answer, by the server's own readiness check.
import { useEffect, useState } from "react";

const LOOK_AGAIN_MS = 60_000;

export type Reachable = ReadonlyMap<string, boolean>;

/** By the store's name; undefined until it is known. Looks again every minute. */
export function useReachable(): Reachable | undefined {
  const [reachable, setReachable] = useState<Reachable>();
  useEffect(() => {
    const stop = new AbortController();
    const look = async (): Promise<void> => {
      const found = await askReadiness(stop.signal);
      if (found !== undefined && !stop.signal.aborted) setReachable(found);
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_AGAIN_MS);
    return () => {
      clearInterval(timer);
      stop.abort();
    };
  }, []);
  return reachable;
}

async function askReadiness(signal: AbortSignal): Promise<Reachable | undefined> {
  try {
    const answer = await fetch("/readyz", { signal, credentials: "omit" });
    const body: unknown = await answer.json();
    if (typeof body !== "object" || body === null || !("checks" in body)) return undefined;
    const { checks } = body;
    if (typeof checks !== "object" || checks === null) return undefined;
    return new Map(
      Object.entries(checks).flatMap(([name, result]: [string, unknown]) =>
        name.startsWith("store ") ? [[name.slice("store ".length), result === "ok"] as const] : [],
      ),
    );
  } catch {
    return undefined;
  }
}
