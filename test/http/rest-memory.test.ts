// A file of 60 MB through a server, up and down: its memory does not grow with it.
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { curl, start } from "./curl.ts";
import { startServe, type ServeProcess } from "./serve.ts";
import { ask } from "./server-fixture.ts";

const MIB = 1024 * 1024;
/** Some 1,700 bytes each, 800 when compressed. */
const ROWS = 80_000;
/** What passes through leaves no trace but this: buffers, and what the collector has not yet looked at. */
const PASSING_MIB = 36;
/** Parts have 32 MiB of rows, of which several are being filled, compressed and sent at the same time, whatever the table's size. */
const PARTS_MIB = 200;

let server: ServeProcess;
let directory: string;
let authorization: string;
let file: string;
beforeAll(async () => {
  server = await startServe();
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-memory-"));
  file = path.join(directory, "logs.db");
  const sql = postgres(server.databaseUrl, { max: 1 });
  await sql`insert into platform.streams (name) values ('large')`;
  await sql`
    insert into platform.log_entries (stream_id, level, message)
    select (select id from platform.streams), 'INFO',
      (select string_agg(encode(sha512((12 * n + k)::text::bytea), 'hex'), '') from generate_series(1, 12) k)
    from generate_series(1, ${ROWS}) n`;
  await sql.end();
  const query = `mutation { login(username: "admin", password: "${server.password}") { token } }`;
  const { data } = await ask<{ login: { token: string } }>(server.url, query);
  authorization = `Bearer jwt:${data?.login.token}`;
  // What a first request needs stays for later ones.
  await send("-o", file, at("backup/auth"));
  await send("-o", "/dev/null", "--form", `backup=@${file}`, at("restore/auth"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const at = (target: string): string => `${server.url}/api/v1/${target}`;

async function send(...args: string[]): Promise<void> {
  const header = ["-H", `Authorization: ${authorization}`];
  const { exitCode, stderr } = await start("curl", ["-sSf", ...header, ...args]).outcome;
  expect([exitCode, stderr]).toEqual([0, ""]);
}

/** In MiB. */
async function growthDuring(act: () => Promise<unknown>): Promise<number> {
  return (await server.growthDuring(act)) / MIB;
}

describe("a file of 60 MB", () => {
  it("is made with the memory of a few parts", async () => {
    const growth = await growthDuring(() => send("-o", file, at("backup/logs")));
    expect((await stat(file)).size / MIB).toBeGreaterThan(55);
    expect(growth).toBeLessThan(PARTS_MIB);
  });

  it("arrives with none", async () => {
    const form = ["-H", `Authorization: ${authorization}`, "--form", `backup=@${file}`];
    const growth = await growthDuring(async () => {
      // Refused only once all of it is there and was looked into.
      const { status, uploadedBytes } = await curl(...form, at("restore/auth"));
      expect([status, uploadedBytes / MIB > 55]).toEqual([422, true]);
    });
    expect(growth).toBeLessThan(PASSING_MIB);
  });

  it("is put back with the memory of a few parts", async () => {
    const form = ["--form", `backup=@${file}`];
    const growth = await growthDuring(() =>
      send("-o", "/dev/null", ...form, at("restore/logs?dry-run=true")),
    );
    expect(growth).toBeLessThan(PARTS_MIB);
  });

  it("is downloaded with none, once it is stored", async () => {
    const mutation = "mutation { startBackup(input: { groups: [LOGS] }) { id } }";
    const { data } = await ask<{ startBackup: { id: string } }>(server.url, mutation, { authorization });
    const query = `{ backup(id: "${data?.startBackup.id}") { downloadUrl } }`;
    const downloadUrl = async () => {
      const answer = await ask<{ backup: { downloadUrl: string | null } }>(server.url, query, {
        authorization,
      });
      return answer.data?.backup.downloadUrl;
    };
    await expect.poll(downloadUrl, { timeout: 50_000 }).toEqual(expect.any(String));
    const url = `${server.url}${await downloadUrl()}`;
    const growth = await growthDuring(() => send("-o", file, url));
    expect((await stat(file)).size / MIB).toBeGreaterThan(55);
    expect(growth).toBeLessThan(PASSING_MIB);
  });
});
