import { setTimeout as delay } from "node:timers/promises";
import { expect, it } from "vitest";
import { createMailbox, type Mailbox } from "../../src/ledger/mailbox.ts";

async function drain<T>(mailbox: Mailbox<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of mailbox) values.push(value);
  return values;
}

it("keeps the latest value under each key, in the order in which the keys came", async () => {
  const mailbox = createMailbox<string>();
  for (let count = 1; count <= 1_000; count++) {
    mailbox.put("a", `a${count}`);
    mailbox.put("b", `b${count}`);
  }
  mailbox.end();
  mailbox.put("c", "too late");
  expect(await drain(mailbox)).toEqual(["a1000", "b1000"]);
});

it("hands values to readers who wait, in turn", async () => {
  const mailbox = createMailbox<number>();
  const reads = Promise.all([mailbox.next(), mailbox.next(), mailbox.next()]);
  mailbox.put("k", 1);
  mailbox.put("k", 2);
  mailbox.end();
  expect(await reads).toEqual([
    { done: false, value: 1 },
    { done: false, value: 2 },
    { done: true, value: undefined },
  ]);
});

it("lets an idle reader leave: return() wakes it up", async () => {
  let closed = 0;
  const mailbox = createMailbox<number>({ onClose: () => closed++ });
  const idle = mailbox.next();
  await delay(1);
  await mailbox.return?.();
  expect(await idle).toEqual({ done: true, value: undefined });
  expect(await mailbox.next()).toEqual({ done: true, value: undefined });
  await mailbox.return?.();
  expect(closed).toBe(1);
});

it("ends when the signal aborts, also one that already has", async () => {
  const controller = new AbortController();
  const mailbox = createMailbox<number>({ signal: controller.signal });
  mailbox.put("k", 1);
  controller.abort();
  expect(await drain(mailbox)).toEqual([]);
  expect(await drain(createMailbox<number>({ signal: controller.signal }))).toEqual([]);
});

it("gives what waits before it fails, and fails once", async () => {
  const mailbox = createMailbox<number>();
  mailbox.put("k", 1);
  mailbox.fail(new Error("broken"));
  expect(await mailbox.next()).toEqual({ done: false, value: 1 });
  await expect(mailbox.next()).rejects.toThrow("broken");
  expect(await mailbox.next()).toEqual({ done: true, value: undefined });
});

it("fails a reader for whom too many keys wait", async () => {
  const mailbox = createMailbox<number>({ capacity: 2, onOverflow: () => new Error("too slow") });
  for (const key of ["a", "b", "a", "b", "c"]) mailbox.put(key, 1);
  await expect(drain(mailbox)).rejects.toThrow("too slow");
});
