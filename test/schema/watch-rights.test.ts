// The watch over a subscription's rights: what comes through, how it ends, and that nothing stays open.
import { describe, expect, it, vi } from "vitest";
import { watchRights } from "../../schema/watch-rights.ts";

/** A source that says when it is opened and closed, and waits for ever after its values. */
function createSource(values: readonly string[], end?: Error | "end") {
  const waiting = [...values];
  const idle = Promise.withResolvers<IteratorResult<string, undefined>>();
  const state = { opened: 0, closed: 0 };
  const over: IteratorResult<string, undefined> = { done: true, value: undefined };
  const iterator: AsyncIterableIterator<string, undefined> = {
    next() {
      const value = waiting.shift();
      if (value !== undefined) return Promise.resolve({ done: false, value });
      if (end instanceof Error) return Promise.reject(end);
      return end === undefined ? idle.promise : Promise.resolve(over);
    },
    return() {
      state.closed += 1;
      idle.resolve(over);
      return Promise.resolve(over);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
  const open = () => {
    state.opened += 1;
    return Promise.resolve(iterator);
  };
  return { open, state };
}

const granted = () => Promise.resolve();
const LONG_MS = 60_000;

async function collect<T>(values: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const value of values) all.push(value);
  return all;
}

describe("watchRights", () => {
  it("passes everything on, ends with its source, and closes it", async () => {
    const { open, state } = createSource(["a", "b"], "end");
    expect(await collect(watchRights(open, granted, LONG_MS))).toEqual(["a", "b"]);
    expect(state).toEqual({ opened: 1, closed: 1 });
  });

  it("fails with its source, after everything that came before", async () => {
    const { open, state } = createSource(["a"], new Error("lost"));
    const values = watchRights(open, granted, LONG_MS)[Symbol.asyncIterator]();
    expect(await values.next()).toEqual({ done: false, value: "a" });
    await expect(values.next()).rejects.toThrow("lost");
    expect(await values.next()).toEqual({ done: true, value: undefined });
    expect(state.closed).toBe(1);
  });

  it("fails when the source cannot be opened", async () => {
    const values = watchRights(() => Promise.reject(new Error("no such run")), granted, LONG_MS);
    await expect(collect(values)).rejects.toThrow("no such run");
  });

  it("closes a source that is idle when the reader leaves", async () => {
    const { open, state } = createSource(["a"]);
    const values = watchRights(open, granted, LONG_MS)[Symbol.asyncIterator]();
    await values.next();
    const idle = values.next();
    await values.return?.();
    expect(await idle).toMatchObject({ done: true });
    expect(state.closed).toBe(1);
  });

  it("opens nothing for a reader who leaves before reading", async () => {
    const { open, state } = createSource(["a"]);
    const values = watchRights(open, granted, LONG_MS)[Symbol.asyncIterator]();
    await values.return?.();
    expect(await values.next()).toMatchObject({ done: true });
    expect(state).toEqual({ opened: 0, closed: 0 });
  });

  it("fails with what the look at the rights throws, also while its source is idle, and closes it", async () => {
    const { open, state } = createSource(["a"]);
    let looks = 0;
    const recheck = async () => {
      looks += 1;
      if (looks === 3) throw new Error("withdrawn");
    };
    const values = watchRights(open, recheck, 5)[Symbol.asyncIterator]();
    expect(await values.next()).toEqual({ done: false, value: "a" });
    await expect(values.next()).rejects.toThrow("withdrawn");
    expect(await values.next()).toEqual({ done: true, value: undefined });
    expect(state.closed).toBe(1);
  });

  it("does not look again while it waits for an answer", async () => {
    vi.useFakeTimers();
    try {
      const { open } = createSource(["a"]);
      const answer = Promise.withResolvers<void>();
      const recheck = vi.fn<() => Promise<void>>(() => answer.promise);
      const values = watchRights(open, recheck, 5)[Symbol.asyncIterator]();
      await values.next();
      await vi.advanceTimersByTimeAsync(50);
      expect(recheck).toHaveBeenCalledTimes(1);
      answer.resolve();
      await vi.advanceTimersByTimeAsync(5);
      expect(recheck).toHaveBeenCalledTimes(2);
      await values.return?.();
    } finally {
      vi.useRealTimers();
    }
  });
});
