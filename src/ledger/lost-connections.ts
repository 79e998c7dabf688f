// Transactions that lose their connection. postgres.js goes on to send what a transaction asks for, and ROLLBACK or COMMIT after
// it, over the connection that it had: where that is lost, what it writes to is not there any more, and the whole process
// ends with a TypeError that nobody can catch (github.com/porsager/postgres, issue 1208).
import { setImmediate as nextTurn } from "node:timers/promises";
import type postgres from "postgres";
import { aroundTransactions, type Work } from "./around-transactions.ts";

/**
 * Has transactions that lose their connection send nothing any more: they reject with the loss, and the server rolls back.
 * @returns the same client
 */
export function outliveLostConnections(sql: postgres.Sql): postgres.Sql {
  return aroundTransactions(sql, (work, begin) => {
    // `begin` rejects as soon as the connection has closed, whatever its work is at.
    let hasEnded = false;
    return begin(holdBack(work, () => hasEnded)).finally(() => {
      hasEnded = true;
    });
  });
}

/** The same work; once the transaction has ended, its statements are refused, and it never ends, so that nothing follows from it. */
function holdBack(work: Work, hasEnded: () => boolean): Work {
  return async (client) => {
    try {
      return await work(refuseWhen(client, hasEnded));
    } finally {
      // A failed socket has closed a turn later.
      await nextTurn();
      // Nobody waits for the work any more. A savepoint's would be rolled back to, a transaction's rolled back or committed.
      if (hasEnded()) await new Promise<never>(() => undefined);
    }
  };
}

/** The same client; its statements are refused once the transaction has ended. */
function refuseWhen(client: postgres.TransactionSql, hasEnded: () => boolean): postgres.TransactionSql {
  const check = (): void => {
    if (hasEnded()) throw new Error("the transaction has ended");
  };
  return new Proxy(client, {
    apply(target, self, args): unknown {
      check();
      return Reflect.apply(target, self, args);
    },
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        check();
        // What a savepoint is for may fail as the whole does.
        const held =
          name === "savepoint" ? args.map((arg) => (isWork(arg) ? holdBack(arg, hasEnded) : arg)) : args;
        return Reflect.apply(value, target, held);
      };
    },
  });
}

const isWork = (value: unknown): value is Work => typeof value === "function";
