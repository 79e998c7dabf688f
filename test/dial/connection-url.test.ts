// Connection URLs, and TLS as they ask for it, to a real server behind an endpoint that speaks PostgreSQL's TLS handshake.
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/postgres/connect.ts";
import { otherDatabase } from "../../src/core/postgres-url.ts";
import { readConnectionUrl } from "../../src/dial/connection-url.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";
import { CERTIFICATE, openTlsFront, type TlsFront } from "../support/tls-front.ts";

describe("readConnectionUrl", () => {
  const read = (url: string) => readConnectionUrl("app", url);

  it("finds the host and the port, or their defaults", () => {
    expect(read("postgres://u:p@db.example:6000/app").endpoint).toEqual({ host: "db.example", port: 6000 });
    expect(read("postgresql://u@db.example/app").endpoint).toEqual({ host: "db.example", port: 5432 });
    expect(read("postgres://u@[::1]:6000/app").endpoint).toEqual({ host: "::1", port: 6000 });
    expect(read("postgres:///app").endpoint).toEqual({ host: "localhost", port: 5432 });
  });

  it("finds the directory of a unix socket, percent-encoded or as a parameter", () => {
    const endpoint = { path: "/var/run/postgresql/.s.PGSQL.5432" };
    expect(read("postgres://u@%2Fvar%2Frun%2Fpostgresql/app").endpoint).toEqual(endpoint);
    expect(read("postgres:///app?host=/var/run/postgresql").endpoint).toEqual(endpoint);
    const withAccount = read("postgres://u:p%40ss@/app?host=/var/run/postgresql");
    expect(withAccount.endpoint).toEqual(endpoint);
    expect(withAccount.account).toEqual({ user: "u", password: "p@ss", database: "app" });
  });

  it("tells the server's settings from what is the client's", () => {
    const client = "sslmode=require&channel_binding=prefer&connect_timeout=5&target_session_attrs=any";
    const { account, settings } = read(
      `postgres://u:p%40ss@db.example/a%20b?${client}&work_mem=64MB&sslcrl=x`,
    );
    expect(account).toEqual({ user: "u", password: "p@ss", database: "a b" });
    // The server refuses what it does not know: a list of revoked certificates is not passed over.
    expect(settings).toEqual({ work_mem: "64MB", sslcrl: "x" });
  });

  it("takes the account, the database and the port from parameters too, as libpq does", () => {
    const query = "host=/run/100%25&port=6432&user=u&password=p%40%2F%25&dbname=a%20b";
    const { endpoint, account, settings } = read(`postgres:///?${query}`);
    expect(endpoint).toEqual({ path: "/run/100%/.s.PGSQL.6432" });
    expect(account).toEqual({ user: "u", password: "p@/%", database: "a b" });
    expect(settings).toEqual({});
  });

  it("leads to another database of the same server, whichever way the URL names one", () => {
    for (const url of [
      "postgres://u@h/app?work_mem=5MB",
      "postgres:///?host=/run&dbname=app",
      "postgres://u@h",
    ])
      expect(read(otherDatabase(url, "a b"))).toEqual({
        ...read(url),
        account: { ...read(url).account, database: "a b" },
      });
  });

  it("understands what each sslmode asks for", () => {
    const settings = (query: string) => read(`postgres://u@db.example/app${query}`).tls;
    expect(settings("")).toEqual({ mode: "NEVER", direct: false, options: {} });
    expect(settings("?sslmode=disable").mode).toBe("NEVER");
    expect(settings("?sslmode=prefer")).toMatchObject({
      mode: "PREFER",
      options: { rejectUnauthorized: false },
    });
    expect(settings("?sslmode=require")).toMatchObject({
      mode: "ALWAYS",
      options: { rejectUnauthorized: false },
    });
    expect(settings("?sslmode=verify-full")).toEqual({ mode: "ALWAYS", direct: false, options: {} });
    expect(settings("?ssl=true")).toEqual(settings("?sslmode=verify-full"));
    expect(settings("?sslrootcert=system")).toEqual(settings("?sslmode=verify-full"));
    expect(settings("?sslmode=verify-ca").options.rejectUnauthorized).toBeUndefined();
    expect(settings("?sslmode=require&sslnegotiation=direct").direct).toBe(true);
  });

  it("checks the chain also for `require` when a root certificate is given, as libpq does", () => {
    const { options } = read(`postgres://u@db.example/app?sslmode=require&sslrootcert=${CERTIFICATE}`).tls;
    expect(options.rejectUnauthorized).toBeUndefined();
    expect(options.ca).toEqual(readFileSync(CERTIFICATE));
  });

  it("refuses what it cannot use, and never shows the password", () => {
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(message) });
    expect(() => read("mysql://u:hunter2@h/d")).toThrow(refused(/^(?!.*hunter2).*form postgres:/));
    expect(() => read("not a url")).toThrow(refused(/form postgres:/));
    expect(() => read("postgres://u:hunter2@a,b/d")).toThrow(refused(/^(?!.*hunter2).*several hosts/));
    for (const broken of ["postgres://u:100%sure@h/d", "postgres://%zz@h/d", "postgres://u@h/%"])
      expect(() => read(broken)).toThrow(refused(/% that begins no percent-encoding/));
    expect(() => read("postgres://u@h/d?sslmode=perhaps")).toThrow(refused(/sslmode perhaps/));
    expect(() => read("postgres://u@h/d?sslmode=verify-ca&sslrootcert=/nowhere.crt")).toThrow(
      refused(/sslrootcert.*nowhere/),
    );
  });
});

describe("TLS", () => {
  let database: TestDatabase;
  let front: TlsFront;

  beforeAll(async () => {
    database = await createDatabase();
    front = await openTlsFront(database.url);
  });
  afterAll(async () => {
    await front[Symbol.asyncDispose]();
    await database.drop();
  });

  async function rowsThrough(query: string, host = "127.0.0.1", at = front.port): Promise<number> {
    const url = new URL(database.url);
    url.host = `${host}:${at}`;
    url.search = query;
    const opened = openDatabase({
      name: "app",
      url: url.href,
      applicationName: "holdfast test",
      maxConnections: 1,
    });
    try {
      const session = await opened.session(new AbortController().signal);
      let rows = 0;
      const copy = session.copyOut(
        "COPY (SELECT g, repeat('x', 100) FROM generate_series(1, 50000) g) TO STDOUT",
      );
      for await (const batch of copy) rows += batch.rows;
      return rows;
    } finally {
      await opened.close();
    }
  }

  const plainPort = (): number => Number(new URL(database.url).port);
  const unreachable = (message: RegExp): unknown =>
    expect.objectContaining({ code: "DATABASE_UNREACHABLE", message: expect.stringMatching(message) });

  it("carries sessions and their COPYs", async () => {
    expect(await rowsThrough("sslmode=require")).toBe(50_000);
    expect(await rowsThrough("sslmode=prefer")).toBe(50_000);
    expect(await rowsThrough(`sslmode=verify-full&sslrootcert=${CERTIFICATE}`)).toBe(50_000);
    expect(await rowsThrough(`sslmode=verify-full&sslrootcert=${CERTIFICATE}`, "localhost")).toBe(50_000);
    expect(await rowsThrough("sslmode=require&sslnegotiation=direct")).toBe(50_000);
  });

  it("is refused with a certificate that nobody vouches for", async () => {
    await expect(rowsThrough("sslmode=verify-full")).rejects.toEqual(unreachable(/self-signed certificate/));
    await expect(rowsThrough("sslmode=verify-ca")).rejects.toEqual(unreachable(/self-signed certificate/));
  });

  it("is refused for another name than the certificate's, where the name is asked for", async () => {
    const root = `sslrootcert=${CERTIFICATE}`;
    await using other = await openTlsFront(database.url, "127.0.0.2");
    const through = (query: string) => rowsThrough(query, "127.0.0.2", other.port);
    await expect(through(`sslmode=verify-full&${root}`)).rejects.toEqual(unreachable(/127.0.0.2/));
    expect(await through(`sslmode=verify-ca&${root}`)).toBe(50_000);
  });

  it("is done without where the server has none and the URL does not insist", async () => {
    expect(await rowsThrough("sslmode=prefer", "127.0.0.1", plainPort())).toBe(50_000);
    await expect(rowsThrough("sslmode=require", "127.0.0.1", plainPort())).rejects.toEqual(
      unreachable(/does not offer TLS/),
    );
  });
});
