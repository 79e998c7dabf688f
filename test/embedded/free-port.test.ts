import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { postgresAccount } from "../../src/embedded/account.ts";
import { locateBinaries } from "../../src/embedded/binaries.ts";
import { ensureCluster } from "../../src/embedded/cluster.ts";
import { findFreePort, startOnFreePort } from "../../src/embedded/free-port.ts";
import type { StartOptions } from "../../src/embedded/postmaster.ts";

let dataDir: string;
let options: Omit<StartOptions, "port">;
const log = () => undefined;
const taken = createServer();
let takenPort: number;

beforeAll(async () => {
  dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-port-"));
  const directory = path.join(dataDir, "postgres");
  const account = await postgresAccount(directory, log);
  const binaries = await locateBinaries(account);
  await ensureCluster(directory, binaries, account);
  options = { program: binaries.postgres, directory, settings: {}, account, log };
  takenPort = await findFreePort();
  taken.listen(takenPort, "127.0.0.1");
  await once(taken, "listening");
});
afterAll(async () => {
  taken.close();
  await rm(dataDir, { recursive: true, force: true });
});

it("takes another port when the first was taken between choosing it and starting", async () => {
  const free = await findFreePort();
  const choices = [takenPort, takenPort, free];
  const { port, postmaster } = await startOnFreePort(options, async () => choices.shift() ?? 0);
  expect(port).toBe(free);
  await postmaster.stop();
});

it("gives up when every port is taken, and says so", async () => {
  await expect(startOnFreePort(options, async () => takenPort)).rejects.toMatchObject({
    code: "EMBEDDED_FAILED",
    message: expect.stringContaining("Address already in use"),
  });
});
