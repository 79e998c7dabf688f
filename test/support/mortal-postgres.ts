// A PostgreSQL of a test's own that comes and goes, behind an address that stays.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import postgres from "postgres";
import { onTestFinished } from "vitest";
import { startEmbedded } from "../../src/embedded/embedded.ts";
import { migrateLedger } from "../../src/ledger/connect.ts";
import { openPassage, type Passage } from "./passage.ts";

export interface MortalPostgres {
  /** Of a migrated database, by way of the passage. */
  readonly url: string;
  readonly passage: Passage;
  /** Ends every connection, and has the server refuse new ones as it does while it starts or stops (57P03). */
  refuse(): Promise<void>;
  /** Kills it. */
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Ended when the test ends. */
export async function startMortalPostgres(): Promise<MortalPostgres> {
  const dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-mortal-"));
  let ended = Promise.withResolvers<void>();
  const begin = () => {
    ended = Promise.withResolvers();
    const settings = { fsync: "off", full_page_writes: "off" };
    return startEmbedded({ dataDir, settings, onLost: () => ended.resolve() });
  };
  let server = await begin();
  onTestFinished(async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  });
  await migrateLedger(server.url);
  const passage = await openPassage(server.url);
  const signal = async (name: NodeJS.Signals) => {
    const [pid] = (await readFile(path.join(dataDir, "postgres/postmaster.pid"), "utf8")).split("\n");
    process.kill(Number(pid), name);
  };
  return {
    url: passage.url,
    passage,
    async refuse() {
      // As long as somebody is there, a server that was told to stop by SIGTERM waits.
      const held = postgres(server.url, { max: 1 });
      onTestFinished(() => held.end());
      await held`select`;
      await signal("SIGTERM");
      await passage.cut();
      await passage.mend();
    },
    async kill() {
      await signal("SIGKILL");
      await ended.promise;
    },
    async start() {
      server = await begin();
      await passage.cut();
      await passage.mend(server.url);
    },
  };
}
