// Transactions that go no further. A process may be frozen in the middle of one, or the network between may hang: the rows that it has
// locked would be locked for as long as that lasts, and whoever takes its run over would wait for it.
import type postgres from "postgres";
import { aroundTransactions } from "./around-transactions.ts";

/**
 * Has the server end transactions whose next statement does not come within the time, and their connection with them.
 * @returns the same client
 */
export function endIdleTransactions(sql: postgres.Sql, limitMs: number): postgres.Sql {
  // With the transaction and not with the connection: poolers refuse to connect with settings that they do not know.
  const limit = `set local idle_in_transaction_session_timeout = ${limitMs}`;
  return aroundTransactions(sql, (work, begin) =>
    begin((transaction) => {
      // Sent before the first statement, and not waited for: where it fails, so does what comes after.
      transaction.unsafe(limit).catch(() => undefined);
      return work(transaction);
    }),
  );
}
