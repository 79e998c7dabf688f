// Looking after something again and again, one look at a time: for what no message can be relied on to tell.

export interface Looking {
  /** Looks no more, and waits for the look that is under way. */
  close(): Promise<void>;
}

/** Looks at once, and then whenever so much time has passed; a look that takes longer than that is not overtaken. */
export function startLooking(
  look: () => Promise<void>,
  intervalMs: number,
  onError: (error: unknown) => void,
): Looking {
  let looking: Promise<void> | undefined;
  const start = (): void => {
    looking ??= look()
      .catch(onError)
      .finally(() => (looking = undefined));
  };
  const timer = setInterval(start, intervalMs);
  start();
  return {
    async close() {
      clearInterval(timer);
      await looking;
    },
  };
}
