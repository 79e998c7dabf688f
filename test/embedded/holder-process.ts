// A process that holds an embedded PostgreSQL, for tests that kill it: prints the URL, and on SIGINT asks the database
// one more question before it stops it.
import postgres from "postgres";
import { startEmbedded } from "../../src/embedded/embedded.ts";

const [, , dataDir] = process.argv;
if (dataDir === undefined) throw new Error("usage: holder-process.ts DATA_DIR");
const server = await startEmbedded({ dataDir });
process.once("SIGINT", () => void finish());
console.log(server.url);

async function finish(): Promise<void> {
  const sql = postgres(server.url);
  const [row] = await sql<{ answer: string }[]>`select 'still here' as answer`;
  console.log(row?.answer);
  await sql.end();
  await server.stop();
}
