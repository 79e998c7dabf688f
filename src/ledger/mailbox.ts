// What a slow reader needs: a queue that keeps only the latest value under each key, read as an async iterable.

export interface Mailbox<T> extends AsyncIterableIterator<T, undefined> {
  readonly closed: boolean;
  /** Puts a value in the place of what waits under the key, or behind all that waits. Ignored once it is closed. */
  put(key: string, value: T): void;
  /** Lets the reader have what waits, and then the end. */
  end(): void;
  /** Lets the reader have what waits, and then the error. */
  fail(error: Error): void;
}

export interface MailboxOptions {
  /** Called once: when it has ended or failed, or when its reader has left. */
  readonly onClose?: () => void;
  /** How many keys may wait; one more fails with what `onOverflow` gives. */
  readonly capacity?: number;
  readonly onOverflow?: () => Error;
  /** Its reader leaves when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** The reader may leave at any time, also while it waits: `return()` wakes it up. */
export function createMailbox<T>(options: MailboxOptions = {}): Mailbox<T> {
  type Result = IteratorResult<T, undefined>;
  const waiting = new Map<string, T>();
  const readers: PromiseWithResolvers<Result>[] = [];
  let closed = false;
  let failure: { readonly error: Error } | undefined;

  const finish = (reader: PromiseWithResolvers<Result>): void => {
    if (failure === undefined) reader.resolve({ done: true, value: undefined });
    else reader.reject(failure.error);
    failure = undefined;
  };
  const close = (): void => {
    if (closed) return;
    closed = true;
    options.signal?.removeEventListener("abort", leave);
    for (const reader of readers.splice(0)) finish(reader);
    options.onClose?.();
  };
  const leave = (): void => {
    waiting.clear();
    failure = undefined;
    close();
  };
  const fail = (error: Error): void => {
    if (closed) return;
    failure = { error };
    close();
  };

  if (options.signal?.aborted === true) closed = true;
  else options.signal?.addEventListener("abort", leave, { once: true });

  return {
    get closed() {
      return closed;
    },
    put(key, value) {
      if (closed) return;
      const reader = readers.shift();
      if (reader !== undefined) reader.resolve({ done: false, value });
      else if (waiting.has(key) || waiting.size < (options.capacity ?? Infinity)) waiting.set(key, value);
      else fail(options.onOverflow?.() ?? new Error("too much is waiting to be read"));
    },
    end: close,
    fail,
    next() {
      const [first] = waiting;
      if (first !== undefined) {
        const [key, value] = first;
        waiting.delete(key);
        return Promise.resolve({ done: false, value });
      }
      const reader = Promise.withResolvers<Result>();
      if (closed) finish(reader);
      else readers.push(reader);
      return reader.promise;
    },
    return() {
      leave();
      return Promise.resolve({ done: true, value: undefined });
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
