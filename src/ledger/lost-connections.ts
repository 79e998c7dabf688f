// Transactions that lose their connection. postgres.js goes on to send what a transaction asks for, and ROLLBACK or COMMIT after
// it, over the connection that it had: where that is lost, what it writes to is not there any more, and the whole process
// ends with a TypeError that nobody can catch (github.com/porsager/postgres, issue 1208).
import { setImmediate as nextTurn } from "node:timers/promises";
import type postgres from "postgres";

type Work = (transaction: postgres.TransactionSql) => unknown;

/**
 * Has transactions that lose their connection send nothing any more: they reject with the loss, and the server rolls back.
 * @returns the same client
 */
export function outliveLostConnections(sql: postgres.Sql): postgres.Sql {
  const begin = sql.begin.bind(sql) as (options: string, work: Work) => Promise<unknown>;
  return Object.assign(sql, {
    begin: async (...args: [string, Work] | [Work]) => {
      const [options, work] = args.length === 1 ? ["", args[0]] : args;
      // `begin` rejects as soon as the connection has closed, whatever its work is at.
      let hasEnded = false;
      const transaction = begin(options, async (client) => {
        try {
          return await work(refuseWhen(client, () => hasEnded));
        } finally {
          // A failed socket has closed a turn later.
          await nextTurn();
          // Nobody waits for the work any more, and nothing may follow from it.
          if (hasEnded) await new Promise<never>(() => undefined);
        }
      });
      return transaction.finally(() => {
        hasEnded = true;
      });
    },
  });
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
        return Reflect.apply(value, target, args);
      };
    },
  });
}
