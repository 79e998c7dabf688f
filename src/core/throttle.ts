// Runs an act as often as it is asked for, but not more often than an interval allows, and never twice at once.

export interface Throttle {
  /**
   * Has the act run as soon as the interval allows; asked for while it runs, it runs once more after that.
   * @param withinMs a shorter interval, for this time
   */
  request(withinMs?: number): void;
  /** Nothing runs any more; resolves once what was running has ended. */
  stop(): Promise<void>;
}

/** @param onError told when the act fails, which happens to nobody else */
export function createThrottle(
  act: () => Promise<void>,
  intervalMs: number,
  onError: (error: unknown) => void,
): Throttle {
  /** Since the act was started last; undefined: it is not due. */
  let dueAfterMs: number | undefined;
  let stopped = false;
  let startedAtMs = -Infinity;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  const run = (): void => {
    clearTimeout(timer);
    timer = undefined;
    dueAfterMs = undefined;
    startedAtMs = performance.now();
    running = act()
      .catch(onError)
      .finally(() => {
        running = undefined;
        schedule();
      });
  };

  const schedule = (): void => {
    if (dueAfterMs === undefined || stopped || running !== undefined || timer !== undefined) return;
    timer = setTimeout(run, Math.max(0, startedAtMs + dueAfterMs - performance.now()));
  };

  return {
    request(withinMs = intervalMs) {
      if (dueAfterMs !== undefined && dueAfterMs <= withinMs) return;
      dueAfterMs = withinMs;
      clearTimeout(timer);
      timer = undefined;
      schedule();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
