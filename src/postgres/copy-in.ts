// COPY ... FROM STDIN: rows in PostgreSQL's text form into a table, over a session's connection, with back pressure.
import { Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { sql } from "drizzle-orm";
import type postgres from "postgres";
import type { TableName } from "../core/catalog.ts";
import { columnList, statementText, tableIdentifier } from "./quote.ts";
import type { Session } from "./session.ts";

/** The server takes each message into memory as a whole. */
const MESSAGE_BYTES = 256 * 1024;

/**
 * Loads the rows, all or none of them. After an error the session is not to be used again.
 * @param columns in the order of the rows' fields
 * @param chunks consecutive bytes, cut anywhere; the receiver keeps none of them
 * @returns how many rows the server has taken
 */
export async function copyIn(
  session: Session,
  table: TableName,
  columns: readonly string[],
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  const list = columns.length === 0 ? sql.empty() : sql`(${columnList(columns)})`;
  const text = statementText(sql`COPY ${tableIdentifier(table)} ${list} FROM STDIN`);
  return session.run(async (client) => {
    const { sink, loaded } = await startCopy(client, text);
    const sent = pipeline(messages(chunks), sink, { signal: session.signal });
    // Until the COPY has ended on the server, the connection cannot be used, not even to say why it failed.
    const [sending, loading] = await Promise.allSettled([Promise.race([sent, loaded]), loaded]);
    if (sending.status === "rejected") throw sending.reason;
    if (loading.status === "rejected") throw loading.reason;
    await sent;
    return loading.value;
  });
}

/**
 * postgres.js settles the query once, with the stream, as soon as the server is ready for rows; what the server says at the end
 * (how many rows it took, or that it refuses the last of them) comes to the query's `resolve` and `reject` again and would be lost.
 */
async function startCopy(
  client: postgres.Sql,
  text: string,
): Promise<{ sink: Writable; loaded: Promise<number> }> {
  const query: object = client.unsafe(text);
  if (!isCopyQuery(query)) throw new Error("this version of postgres.js settles its queries in another way");
  const { promise: loaded, resolve, reject } = Promise.withResolvers<number>();
  loaded.catch(() => undefined);
  const start = { resolve: query.resolve, reject: query.reject };
  query.resolve = (value) => {
    if (value instanceof Writable) start.resolve(value);
    else resolve(value.count);
  };
  query.reject = (error) => {
    start.reject(error);
    reject(error);
  };
  const sink = await query.writable();
  return { sink, loaded };
}

interface CopyQuery {
  writable: () => Promise<Writable>;
  /** What postgres.js calls from inside the connection. */
  resolve: (value: Writable | { readonly count: number }) => void;
  reject: (error: Error) => void;
}

function isCopyQuery(query: object): query is CopyQuery {
  return ["writable", "resolve", "reject"].every(
    (name) => name in query && typeof Reflect.get(query, name) === "function",
  );
}

async function* messages(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += MESSAGE_BYTES) {
      yield chunk.subarray(start, start + MESSAGE_BYTES);
    }
  }
}
