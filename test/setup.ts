// Starts the one PostgreSQL that a test run shares, in a temporary directory, and tells the tests its URL.
// HOLDFAST_TEST_DATABASE_URL names another server to use instead, as a role that may create databases.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { startEmbedded } from "../src/embedded/embedded.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const own = process.env["HOLDFAST_TEST_DATABASE_URL"];
  if (own !== undefined && own !== "") {
    project.provide("postgresUrl", own);
    return async () => undefined;
  }
  const dataDir = await mkdtemp(path.join(tmpdir(), "holdfast-test-"));
  const server = await startEmbedded({
    dataDir,
    settings: { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "300" },
  });
  project.provide("postgresUrl", server.url);
  return async () => {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
}
