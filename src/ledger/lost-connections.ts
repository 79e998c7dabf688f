// Transactions that lose their connection. postgres.js rolls back whatever a transaction throws, over the connection that it
// had: where that is lost, what it writes to is not there any more, and the whole process ends with a TypeError that nobody can
// catch (github.com/porsager/postgres, issue 1208). Nothing is to be rolled back then: the server has seen to that.
import type postgres from "postgres";

/** postgres.js' own codes, and those of a socket. */
const LOST = new Set<unknown>([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "ECONNABORTED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
]);

/** @returns the same client; its transactions reject with the loss where they lose their connection */
export function outliveLostConnections(sql: postgres.Sql): postgres.Sql {
  const begin = sql.begin.bind(sql) as (options: string, work: Work) => Promise<unknown>;
  return Object.assign(sql, {
    begin: async (...args: [string, Work] | [Work]) => {
      const [options, work] = args.length === 1 ? ["", args[0]] : args;
      return begin(options, async (transaction) => {
        try {
          return await work(transaction);
        } catch (error) {
          if (!isLost(error)) throw error;
          // What rejects is `begin` itself, when it is told that its connection has closed.
          return await new Promise<never>(() => undefined);
        }
      });
    },
  });
}

type Work = (transaction: postgres.TransactionSql) => unknown;

/** Drizzle wraps what the driver throws. */
function isLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ("code" in error && LOST.has(error.code)) || isLost(error.cause);
}
