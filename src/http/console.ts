// The console: the static files that `vite build` makes of console/, each with what a browser may do with it.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { Hono } from "hono";
import { accepts } from "hono/accepts";
import { GRAPHQL_PATH } from "./graphql.ts";

/** Scripts, styles, pictures and requests of this origin alone, and nothing inline; nobody may frame it. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** In the repository `npm ci` builds it beside its sources; in the package it lies in dist/, two folders above this file. */
const PLACES = ["../../console/dist", "../../console"].map((place) => path.join(import.meta.dirname, place));
const INDEX = "index.html";
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};
/** Vite writes a hash of the contents into these files' names. */
const HASHED = "assets/";

interface StaticFile {
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
  /** Compressed when it is first asked for so, and then kept. */
  encoded(encoding: Encoding): Promise<Uint8Array<ArrayBuffer>>;
}

type Encoding = "br" | "gzip" | "identity";

interface ConsoleFiles {
  /** By path below the console's folder. */
  readonly files: ReadonlyMap<string, StaticFile>;
  readonly index: StaticFile;
}

/**
 * Reads all of it, a megabyte, at once: a build that takes its place under a running server is not served half.
 * @returns undefined where the console has not been built
 */
async function readConsole(places: readonly string[]): Promise<ConsoleFiles | undefined> {
  for (const place of places) {
    const names = await listFiles(place);
    if (!names.includes(INDEX) || !names.some((name) => name.startsWith(HASHED))) continue;
    const files = new Map(
      await Promise.all(names.map(async (name) => [name, await readStatic(place, name)] as const)),
    );
    const index = files.get(INDEX);
    if (index !== undefined) return { files, index };
  }
  return undefined;
}

async function listFiles(place: string): Promise<string[]> {
  const entries = await readdir(place, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && path.extname(entry.name) in TYPES)
    .map((entry) => path.relative(place, path.join(entry.parentPath, entry.name)).split(path.sep).join("/"));
}

async function readStatic(place: string, name: string): Promise<StaticFile> {
  const bytes = await readFile(path.join(place, name));
  const kept = new Map<Encoding, Promise<Uint8Array<ArrayBuffer>>>([
    ["identity", Promise.resolve(new Uint8Array(bytes))],
  ]);
  return {
    type: TYPES[path.extname(name)] ?? "application/octet-stream",
    etag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
    cacheControl: name.startsWith(HASHED) ? "public, max-age=31536000, immutable" : "no-cache",
    encoded(encoding) {
      const before = kept.get(encoding);
      if (before !== undefined) return before;
      const compressing = compress(bytes, encoding);
      kept.set(encoding, compressing);
      return compressing;
    },
  };
}

async function compress(bytes: Buffer, encoding: Encoding): Promise<Uint8Array<ArrayBuffer>> {
  const compressed =
    encoding === "br"
      ? await promisify(brotliCompress)(bytes, {
          params: { [constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
        })
      : await promisify(gzip)(bytes, { level: 9 });
  return new Uint8Array(compressed);
}

/**
 * The files, and the page itself at every other address that a browser asks for as a page: which of them there are is
 * known to the page. They are read when they are first asked for. Where there are none, `/` goes to GraphiQL.
 * @param places where to look for them, one after the other
 */
export function consoleRoutes(places: readonly string[] = PLACES): Hono {
  const routes = new Hono();
  let reading: ReturnType<typeof readConsole> | undefined;

  routes.get("*", async (c, next) => {
    const name = c.req.path.slice(1);
    const console = await (reading ??= readConsole(places));
    if (console === undefined) return name === "" ? c.redirect(GRAPHQL_PATH) : next();
    const { files, index } = console;
    const file = files.get(name) ?? (isPage(name, c.req.header("accept")) ? index : undefined);
    if (file === undefined) return next();
    c.header("Content-Type", file.type);
    c.header("Cache-Control", file.cacheControl);
    c.header("ETag", file.etag);
    c.header("Vary", "Accept-Encoding");
    if (file === index) c.header("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    if (c.req.header("if-none-match")?.includes(file.etag) === true) return c.body(null, 304);
    const encoding = accepts(c, {
      header: "Accept-Encoding",
      supports: ["br", "gzip"],
      default: "identity",
      match: (offers) =>
        ["br", "gzip"].find((name) => offers.some(({ type, q }) => type === name && q > 0)) ?? "identity",
    });
    if (encoding !== "identity") c.header("Content-Encoding", encoding);
    return c.body(await file.encoded(encoding === "br" || encoding === "gzip" ? encoding : "identity"));
  });
  return routes;
}

/** An address without an ending, asked for by a browser that goes there: not what a program misspelt. */
function isPage(name: string, accept: string | undefined): boolean {
  if (name === "") return true;
  return (
    !name.startsWith("api/") && path.posix.extname(name) === "" && accept?.includes("text/html") === true
  );
}
