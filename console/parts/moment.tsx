// Points in time: how long ago, kept up to date, with the exact time for whoever asks.
import { useSyncExternalStore } from "react";
import { formatAge, formatExactly, formatMoment } from "./format.ts";

const TICK_MS = 15_000;
let now = new Date();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  now = new Date();
  timer ??= setInterval(() => {
    now = new Date();
    for (const told of listeners) told();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** The present, to within a quarter of a minute; what uses it is drawn again as it goes on. */
export function useNow(): Date {
  return useSyncExternalStore(subscribe, () => now);
}

export function Age({ at }: { readonly at: string }) {
  const date = new Date(at);
  const present = useNow();
  // A run of this second is not in the future because the clock was read before it.
  return (
    <time dateTime={at} title={formatExactly(date)} className="nowrap">
      {formatAge(date, present < date && date.getTime() - present.getTime() < TICK_MS ? date : present)}
    </time>
  );
}

export function Moment({ at }: { readonly at: string }) {
  const date = new Date(at);
  return (
    <time dateTime={at} title={formatExactly(date)} className="nowrap">
      {formatMoment(date)}
    </time>
  );
}
