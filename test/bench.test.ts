// That the bench measures: with few rows, for what it finds depends on the machine.
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import {
  forecastBackup,
  forecastDump,
  forecastFill,
  forecastMerge,
  type BackupShares,
  type RestoreShares,
} from "../bench/wide-model.ts";
import { hasPostgres15 } from "./support/debian-postgres.ts";
import { haveTools } from "./support/stock-tools.ts";

const run = promisify(execFile);
const MAIN = path.join(import.meta.dirname, "../bench/main.ts");

describe.skipIf(!hasPostgres15 || !haveTools("age", "zstd", "pg_dump"))("npm run bench", () => {
  it("measures every contender in turn, and tells what was reached", { timeout: 240_000 }, async () => {
    const options = ["--rows", "3000", "--rounds", "1", "--only", "backups,restores,profile"];
    const { stdout } = await run(process.execPath, [MAIN, ...options]);
    const rows = stdout.split("\n").filter((line) => /^\| [^ ]/.test(line));
    expect(rows.map((line) => line.split(" | ")[0]?.replace("| ", "").trim())).toEqual(
      expect.arrayContaining([
        "holdfast",
        "pg_dump -Fd -j2 -Z1",
        "MERGE, 1 % changed",
        "compression",
        "store",
      ]),
    );
    expect(stdout).toMatch(/^reached +rows written by MERGE where nothing changed: 0\.00/m);
  });

  it("names its suites where there is no such one", async () => {
    const refused = await run(process.execPath, [MAIN, "--only", "everything"]).catch(
      (error: unknown) => error,
    );
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("There is no suite everything"),
    });
  });
});

it("forecasts that hosts add up, until something that they share is used up", () => {
  const shares: BackupShares = {
    ...{ server: 8, worker: 4, workerMain: 2, stored: 0.25, fixed: 0, piece: 0 },
    ...{ dumpServer: 8, dumpClient: 1 },
  };
  const forecast = (serverCores: number, workerCores: number[], gigabits: number) =>
    forecastBackup(shares, { serverCores, workerCores, gigabits }, 100);
  expect(forecast(16, [2], 25)).toEqual({ seconds: 400, limit: "connections" });
  expect(forecast(16, [2, 2, 2], 25)).toEqual({ seconds: expect.closeTo(400 / 3), limit: "connections" });
  expect(forecast(16, [16, 16, 16, 16], 25)).toMatchObject({ seconds: expect.closeTo(50) });
  expect(forecast(8, [16, 16, 16], 25)).toEqual({ seconds: 100, limit: "server's cores" });
  expect(forecast(16, [16, 16, 16], 1)).toEqual({ seconds: 840, limit: "server's network" });
  expect(forecastDump(shares, { serverCores: 16, workerCores: [16], gigabits: 10 }, 100)).toEqual({
    seconds: 800,
    limit: "one session",
  });
});

it("forecasts that rows go into an empty table while the rest is loaded, and what other hosts have loaded after that", () => {
  const shares: RestoreShares = {
    ...{ loadServer: 4, loadWorker: 2, loadWorkerMain: 1, stored: 0.25 },
    ...{ compare: 6, compareProcesses: 3, insert: 3 },
  };
  const setting = (...workerCores: number[]) => ({ serverCores: 16, workerCores, gigabits: 25 });
  expect(forecastFill(shares, setting(2), 100)).toEqual({ seconds: 300, limit: "the one transaction" });
  expect(forecastFill({ ...shares, insert: 1 }, setting(2), 100)).toEqual({
    seconds: 200,
    limit: "loading: connections",
  });
  expect(forecastFill(shares, setting(2, 2), 100)).toEqual({ seconds: 300, limit: "the one transaction" });
  expect(forecastFill(shares, setting(2, 2, 2), 100)).toEqual({ seconds: 300, limit: "the one transaction" });
  expect(forecastMerge(shares, setting(2), 100)).toEqual({ seconds: 400, limit: "loading: connections" });
});
