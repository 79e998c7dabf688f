// A subscription's source under watch: the caller's rights are looked at again while it runs, and it ends with an error
// when they are gone.

/**
 * Passes the source's values on and calls `recheck` every `intervalMs`; when that throws, the stream throws the same, and
 * nothing more is passed on.
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
): AsyncIterableIterator<T, undefined> {
  let opening: Promise<Opened<T>> | undefined;
  let hasEnded = false;
  let failure: { readonly error: unknown } | undefined;

  const begin = async (): Promise<Opened<T>> => {
    using held = new DisposableStack();
    if (take !== undefined) held.use(take());
    const values = (await open())[Symbol.asyncIterator]();
    let isLooking = false;
    const timer = setInterval(() => {
      // A look that takes longer than that is not overtaken: what cannot keep up is not asked still more.
      if (isLooking) return;
      isLooking = true;
      void recheck()
        .catch(end)
        .finally(() => (isLooking = false));
    }, intervalMs);
    held.defer(() => clearInterval(timer));
    const closing = held.move();
    return { values, close: () => closing.dispose() };
  };

  /** @param cause what the reader is told with the end, where it is an error */
  const end = async (cause?: unknown): Promise<void> => {
    if (hasEnded) return;
    hasEnded = true;
    if (cause !== undefined) failure = { error: cause };
    if (opening === undefined) return;
    const [opened] = await Promise.allSettled([opening]);
    if (opened.status === "rejected") return;
    opened.value.close();
    await opened.value.values.return?.();
  };

  const finish = (): IteratorResult<T, undefined> => {
    const told = failure;
    failure = undefined;
    if (told !== undefined) throw told.error;
    return { done: true, value: undefined };
  };

  return {
    async next() {
      if (hasEnded) return finish();
      try {
        opening ??= begin();
        const { values } = await opening;
        const result = await values.next();
        if (!hasEnded && result.done !== true) return result;
        await end();
      } catch (error) {
        await end(error);
      }
      return finish();
    },
    async return() {
      await end();
      failure = undefined;
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

interface Opened<T> {
  readonly values: AsyncIterator<T>;
  /** Gives back what is held, and looks at no rights any more. */
  readonly close: () => void;
}
