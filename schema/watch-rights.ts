// A subscription's source under watch: the caller's rights are looked at again while it runs, and it ends with an error
// when they are gone.
import { Repeater } from "graphql-yoga";

/**
 * Passes the source's values on and calls `recheck` every `intervalMs`; when that throws, the stream throws the same.
 * @param take a place that is held while the stream lasts; what it throws, the stream throws
 *
 * The source is opened at the first read. It is closed at once when the reader leaves, also while both are idle (which
 * an async generator would not do), provided that its own `return` wakes it up.
 */
export function watchRights<T>(
  open: () => Promise<AsyncIterable<T>>,
  recheck: () => Promise<void>,
  intervalMs: number,
  take?: () => Disposable,
): AsyncIterable<T> {
  return new Repeater<T>(async (push, stop) => {
    using held = new DisposableStack();
    if (take !== undefined) held.use(take());
    const values = (await open())[Symbol.asyncIterator]();
    const stopped = stop.then(() => "stopped" as const);
    let isLooking = false;
    const timer = setInterval(() => {
      // A look that takes longer than that is not overtaken: what cannot keep up is not asked still more.
      if (isLooking) return;
      isLooking = true;
      void recheck()
        .catch(stop)
        .finally(() => (isLooking = false));
    }, intervalMs);
    try {
      for (;;) {
        const result = await Promise.race([values.next(), stopped]);
        if (result === "stopped" || result.done === true) break;
        await Promise.race([push(result.value), stopped]);
      }
      stop();
    } finally {
      clearInterval(timer);
      await values.return?.();
    }
  });
}
