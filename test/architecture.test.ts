// Holds the table of layers: which part of the program may know which other. `import type` counts too, for what a type
// knows its reader has to know.
import { glob, readFile } from "node:fs/promises";
import path from "node:path";
import { parseSync, Visitor } from "oxc-parser";
import { beforeAll, describe, expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "..");

/** Every layer, and the layers that it may import besides itself. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  telemetry: ["core"],
  codec: ["core"],
  store: ["core", "telemetry"],
  dial: ["core"],
  postgres: ["core", "dial"],
  ledger: ["core", "dial"],
  queue: ["core", "dial"],
  embedded: ["core"],
  notify: ["core"],
  config: ["core"],
  platform: ["core"],
  proposal: ["core"],
  auth: ["core", "codec", "ledger", "platform"],
  engine: ["core", "codec", "store", "postgres", "telemetry"],
  runs: ["core", "codec", "auth", "ledger", "queue"],
  schema: ["core", "codec", "auth", "ledger", "queue", "runs"],
  workers: ["core", "codec", "store", "postgres", "engine", "ledger", "queue", "notify", "telemetry"],
  transfer: ["core", "codec", "store", "engine", "auth", "ledger", "runs"],
  http: ["core", "schema", "auth", "ledger", "queue", "engine", "store", "runs", "transfer", "telemetry"],
  runtime: [
    ...["core", "codec", "store", "postgres", "ledger", "queue", "embedded", "config", "platform", "auth"],
    ...["engine", "runs", "transfer", "schema", "workers", "http", "telemetry"],
  ],
  // It knows the server by its schema alone.
  console: [],
  doctor: ["core", "dial", "store", "postgres", "ledger", "config", "runtime"],
  cli: [
    ...["core", "codec", "store", "postgres", "ledger", "queue", "embedded", "config", "platform", "auth"],
    ...["engine", "runs", "transfer", "schema", "workers", "http", "runtime", "proposal", "doctor"],
  ],
};

/** Packages that a layer may not import. `node:` stands for all of Node's own modules. */
const FOREIGN_TO: Readonly<Record<string, RegExp>> = {
  // But for pure ones: the shapes of values, and the reading of cron expressions.
  core: /^(?!(?:zod|croner)$)/,
  // What a browser has; what builds it runs elsewhere.
  console: /^node:|graphql-yoga|pothos|bullmq|hono|ioredis|commander|drizzle|postgres/,
  engine: /graphql|pothos|bullmq|hono|ioredis|commander/,
  ledger: /graphql|pothos|bullmq|hono|ioredis|commander/,
  schema: /bullmq|hono|ioredis|commander/,
  workers: /graphql|pothos|hono|commander/,
};

/** Written by the console's build: it may not be there. */
const GENERATED = "console/graphql/schema-types.d.ts";

interface Import {
  readonly from: string;
  /** A file of ours, relative to the root, or a package. */
  readonly to: string;
  readonly isOurs: boolean;
}

function layerOf(file: string): string {
  const [first = "", second = ""] = file.split("/");
  return first === "src" ? second : first;
}

/** Every specifier that a file names: imports, exports from, `import()` of a literal, and types of the form `import()`. */
function specifiersOf(file: string, source: string): string[] {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0]?.message}`);
  const found: string[] = [];
  const note = ({ source: node }: { source: { type: string; value?: unknown } | null }) => {
    if (node?.type === "Literal" && typeof node.value === "string") found.push(node.value);
  };
  new Visitor({
    ImportDeclaration: note,
    ExportNamedDeclaration: note,
    ExportAllDeclaration: note,
    ImportExpression: note,
    TSImportType: note,
  }).visit(program);
  return found;
}

const files: string[] = [];
const imports: Import[] = [];

beforeAll(async () => {
  const sources = glob("{src,schema,workers,console}/**/*.{ts,tsx}", {
    cwd: ROOT,
    exclude: ["console/dist*/**", "console/build/**", "console/vite.config.ts"],
  });
  for await (const found of sources) files.push(found.split(path.sep).join("/"));
  for (const from of files) {
    for (const specifier of specifiersOf(from, await readFile(path.join(ROOT, from), "utf8"))) {
      const isOurs = specifier.startsWith(".");
      imports.push({
        from,
        to: isOurs ? path.posix.join(path.posix.dirname(from), specifier) : specifier,
        isOurs,
      });
    }
  }
});

const toOurs = () => imports.filter(({ isOurs }) => isOurs);
const toPackages = () => imports.filter(({ isOurs }) => !isOurs);
const show = ({ from, to }: Import) => `${from} -> ${to}`;

describe("the layers", () => {
  it("are all in the table", () => {
    const unknown = files.filter((file) => !(layerOf(file) in ARROWS));
    expect(unknown).toEqual([]);
  });

  it("import along the arrows alone", () => {
    const wrong = toOurs().filter(({ from, to }) => {
      const allowed = ARROWS[layerOf(from)] ?? [];
      return layerOf(to) !== layerOf(from) && !allowed.includes(layerOf(to));
    });
    expect(wrong.map(show)).toEqual([]);
  });

  it("have no arrows in a circle", () => {
    expect(findCycle(new Map(Object.entries(ARROWS)))).toBeUndefined();
  });

  it("stay clear of packages that are not their business", () => {
    const wrong = toPackages().filter(({ from, to }) => FOREIGN_TO[layerOf(from)]?.test(to) === true);
    expect(wrong.map(show)).toEqual([]);
  });
});

describe("the files", () => {
  it("are found, and name each other with their endings", () => {
    expect(files).toEqual(expect.arrayContaining(["src/core/catalog.ts", "console/app/app.tsx"]));
    const lost = toOurs().filter(({ to }) =>
      /\.tsx?$/.test(to) ? !files.includes(to) && to !== GENERATED : path.extname(to) === "",
    );
    expect(lost.map(show)).toEqual([]);
  });

  it("import each other in no circle", () => {
    const targets = Map.groupBy(toOurs(), ({ from }) => from);
    const graph = new Map(files.map((file) => [file, (targets.get(file) ?? []).map(({ to }) => to)]));
    expect(findCycle(graph)).toBeUndefined();
  });
});

describe("the test itself", () => {
  it("sees imports of every form", () => {
    const source = `
      import a from "./a.ts"; import type { B } from "./b.ts"; import "./c.ts";
      export { d } from "./d.ts"; export type * from "./e.ts";
      const f = await import("./f.ts"); type G = import("./g.ts").G;`;
    expect(specifiersOf("x.ts", source)).toEqual(
      ["a", "b", "c", "d", "e", "f", "g"].map((name) => `./${name}.ts`),
    );
  });

  it("finds a circle, and names its members in order", () => {
    const graph = new Map([
      ["a", ["b"]],
      ["b", ["d", "c"]],
      ["c", ["a"]],
      ["d", []],
    ]);
    expect(findCycle(graph)).toEqual(["a", "b", "c", "a"]);
  });
});

/** The first circle in a graph, as the nodes along it with the first one repeated at the end. */
function findCycle(graph: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const visit = (node: string): string[] | undefined => {
    if (way.includes(node)) return [...way.slice(way.indexOf(node)), node];
    if (done.has(node)) return undefined;
    way.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    way.pop();
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
