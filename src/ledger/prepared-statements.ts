// Statements that are asked for again and again. Drizzle sends its own with `unsafe`, and postgres.js has the server parse and describe
// each of those anew before it sends the values: two round trips, and a new plan, every time.
import type postgres from "postgres";
import { aroundTransactions, type Work } from "./around-transactions.ts";

/** With more values than this it is a list's statement, another one for each length of the list: those would pile up in the sessions. */
const MOST_VALUES = 40;

type Values = Parameters<postgres.Sql["unsafe"]>[1];

/**
 * Has each connection prepare a statement with values when it first sends it, and keep it for as long as it lives; in transactions and
 * behind savepoints as well.
 * @returns the same client
 */
export function prepareStatements(sql: postgres.Sql): postgres.Sql {
  return aroundTransactions(prepareThoseOf(sql), (work, begin) => begin(prepareIn(work)));
}

function prepareIn(work: Work): Work {
  return (transaction) => {
    const savepoint = transaction.savepoint.bind(transaction);
    return work(
      Object.assign(prepareThoseOf(transaction), {
        savepoint: (...args: [string, Work] | [Work]) =>
          args.length === 1 ? savepoint(prepareIn(args[0])) : savepoint(args[0], prepareIn(args[1])),
      }),
    );
  };
}

function prepareThoseOf<Client extends postgres.ISql>(client: Client): Client {
  const unsafe = client.unsafe.bind(client);
  return Object.assign(client, {
    unsafe: (text: string, values: Values = [], options: postgres.UnsafeQueryOptions = {}) =>
      unsafe(text, values, { ...options, prepare: values.length > 0 && values.length <= MOST_VALUES }),
  });
}
