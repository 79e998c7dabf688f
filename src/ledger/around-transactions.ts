// Where postgres.js begins transactions, for what all of them are to have.
import type postgres from "postgres";

/** What is done in a transaction. */
export type Work = (transaction: postgres.TransactionSql) => unknown;

/**
 * @param run has each transaction's work done, by what has begun transactions until now
 * @returns the same client
 */
export function aroundTransactions(
  sql: postgres.Sql,
  run: (work: Work, begin: (work: Work) => Promise<unknown>) => Promise<unknown>,
): postgres.Sql {
  const begin = sql.begin.bind(sql) as (options: string, work: Work) => Promise<unknown>;
  return Object.assign(sql, {
    begin: (...args: [string, Work] | [Work]) => {
      const [options, work] = args.length === 1 ? ["", args[0]] : args;
      return run(work, (given) => begin(options, given));
    },
  });
}
