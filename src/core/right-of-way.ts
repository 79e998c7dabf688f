// Who goes first where one process answers requests and moves rows. Both need the same processors and the same event loop: rows that
// are read, compressed and stored as fast as they come would make whoever asks for something wait for seconds. So
// whoever moves rows stops between two batches while a request is being answered. That is a matter of the whole
// process, as its event loop is, and so is this module's state.

/** A request that takes longer, or sends its answer for longer, has had its turn. */
const HELD_MAX_MS = 500;
/** However many requests come, rows are moved half of the time: as long as they have been, or this long after a quiet time. */
const CREDIT_MAX_MS = 1_000;
/** What is left of it is not spent in crumbs. */
const CREDIT_LEAST_MS = 20;

const held = new Set<object>();
let freed = Promise.withResolvers<void>();
let waiting: Promise<void> | undefined;
let creditMs = CREDIT_MAX_MS;
let countedMs = 0;

/**
 * For a request that has just come.
 * @returns gives it back; may be called again
 */
export function takeRightOfWay(): () => void {
  const holder = {};
  held.add(holder);
  const give = (): void => {
    clearTimeout(timer);
    if (!held.delete(holder) || held.size > 0) return;
    freed.resolve();
    freed = Promise.withResolvers();
  };
  const timer = setTimeout(give, HELD_MAX_MS).unref();
  return give;
}

/** To be waited for between two batches of rows: resolves as soon as no request is being answered, and soon anyway. */
export async function giveWay(): Promise<void> {
  if (held.size === 0) return;
  waiting ??= waitForRequests();
  await waiting;
}

async function waitForRequests(): Promise<void> {
  const startedMs = performance.now();
  creditMs = Math.min(CREDIT_MAX_MS, creditMs + startedMs - countedMs);
  countedMs = startedMs;
  if (creditMs >= CREDIT_LEAST_MS) {
    const { promise: spent, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, creditMs);
    await Promise.race([freed.promise, spent]);
    clearTimeout(timer);
    countedMs = performance.now();
    creditMs -= countedMs - startedMs;
  }
  waiting = undefined;
}
