// Connection URLs, and TLS as they ask for it, to a real server behind an endpoint that speaks PostgreSQL's TLS handshake.
import { readFileSync } from "node:fs";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase } from "../../src/postgres/connect.ts";
import { readConnectionUrl } from "../../src/postgres/connection-url.ts";
import { createDatabase, type TestDatabase } from "../support/postgres.ts";

const CERTIFICATES = path.join(import.meta.dirname, "certificates");
const certificate = path.join(CERTIFICATES, "server.crt");

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
  });

  it("leaves the server's settings in the URL, and takes out what is the client's", () => {
    const { url } = read(
      "postgres://u:p%40ss@db.example/app?sslmode=require&channel_binding=prefer&work_mem=64MB",
    );
    expect(url).toBe("postgres://u:p%40ss@localhost/app?work_mem=64MB");
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
    const { options } = read(`postgres://u@db.example/app?sslmode=require&sslrootcert=${certificate}`).tls;
    expect(options.rejectUnauthorized).toBeUndefined();
    expect(options.ca).toEqual(readFileSync(certificate));
  });

  it("refuses what it cannot use, and never shows the password", () => {
    const refused = (message: RegExp) =>
      expect.objectContaining({ code: "CONFIG_INVALID", message: expect.stringMatching(message) });
    expect(() => read("mysql://u:hunter2@h/d")).toThrow(refused(/^(?!.*hunter2).*form postgres:/));
    expect(() => read("not a url")).toThrow(refused(/form postgres:/));
    expect(() => read("postgres://u:hunter2@a,b/d")).toThrow(refused(/^(?!.*hunter2).*several hosts/));
    expect(() => read("postgres://u@h/d?sslmode=perhaps")).toThrow(refused(/sslmode perhaps/));
    expect(() => read("postgres://u@h/d?sslmode=verify-ca&sslrootcert=/nowhere.crt")).toThrow(
      refused(/sslrootcert.*nowhere/),
    );
  });
});

describe("TLS", () => {
  let database: TestDatabase;
  let secured: net.Server;
  let port: number;

  /** Answers the request for TLS with yes, and hands what is inside on to the real server. */
  beforeAll(async () => {
    database = await createDatabase();
    const server = new URL(database.url);
    const options = {
      isServer: true,
      cert: readFileSync(certificate),
      key: readFileSync(path.join(CERTIFICATES, "server.key")),
      ALPNProtocols: ["postgresql"],
    };
    const forward = (socket: net.Socket): void => {
      const inside = new tls.TLSSocket(socket, options);
      const onward = net.connect({ host: server.hostname, port: Number(server.port) });
      inside.pipe(onward).pipe(inside);
      for (const end of [inside, onward]) end.on("error", () => socket.destroy());
      socket.on("close", () => onward.destroy());
    };
    secured = net.createServer((socket) => {
      socket.on("error", () => undefined);
      socket.once("readable", () => {
        const first: unknown = socket.read();
        if (!Buffer.isBuffer(first)) return;
        if (first.length === 8) socket.write("S");
        else socket.unshift(first);
        forward(socket);
      });
    });
    await new Promise<void>((resolve) => secured.listen(0, "0.0.0.0", resolve));
    port = (secured.address() as AddressInfo).port;
  });
  afterAll(async () => {
    secured.close();
    await database.drop();
  });

  async function rowsThrough(query: string, host = "127.0.0.1", at = port): Promise<number> {
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
    expect(await rowsThrough(`sslmode=verify-full&sslrootcert=${certificate}`)).toBe(50_000);
    expect(await rowsThrough(`sslmode=verify-full&sslrootcert=${certificate}`, "localhost")).toBe(50_000);
    expect(await rowsThrough("sslmode=require&sslnegotiation=direct")).toBe(50_000);
  });

  it("is refused with a certificate that nobody vouches for", async () => {
    await expect(rowsThrough("sslmode=verify-full")).rejects.toEqual(unreachable(/self-signed certificate/));
    await expect(rowsThrough("sslmode=verify-ca")).rejects.toEqual(unreachable(/self-signed certificate/));
  });

  it("is refused for another name than the certificate's, where the name is asked for", async () => {
    const root = `sslrootcert=${certificate}`;
    await expect(rowsThrough(`sslmode=verify-full&${root}`, "127.0.0.2")).rejects.toEqual(
      unreachable(/127.0.0.2/),
    );
    expect(await rowsThrough(`sslmode=verify-ca&${root}`, "127.0.0.2")).toBe(50_000);
  });

  it("is done without where the server has none and the URL does not insist", async () => {
    expect(await rowsThrough("sslmode=prefer", "127.0.0.1", plainPort())).toBe(50_000);
    await expect(rowsThrough("sslmode=require", "127.0.0.1", plainPort())).rejects.toEqual(
      unreachable(/does not offer TLS/),
    );
  });
});
