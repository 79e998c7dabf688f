// Runs a user's configuration file, TypeScript or JavaScript, with what it imports: as Node runs modules, and a little
// more kindly, for the files that it imports were often written for a bundler.
import { readFileSync } from "node:fs";
import {
  registerHooks,
  stripTypeScriptTypes,
  type LoadHookSync,
  type ResolveFnOutput,
  type ResolveHookSync,
} from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { hasCode } from "../../core/errors.ts";

/** `import ... from "holdfast"` means the program that reads the file, wherever that is installed. */
const PACKAGE = "holdfast";
const packageUrl = new URL(import.meta.url.endsWith(".ts") ? "../define.ts" : "../define.js", import.meta.url)
  .href;

const NOT_FOUND = ["ERR_MODULE_NOT_FOUND", "ERR_UNSUPPORTED_DIR_IMPORT"];
const IS_MODULE = /^\s*(?:import\b\s*[\w*{"']|export\b\s*[\w*{])/m;
/** What has to be rewritten; all other types are merely blanked out, so that every line stays where it is. */
const NEEDS_REWRITING =
  /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?(?:enum|namespace)\s+\w|\bconstructor\s*\([^)]*\b(?:public|private|protected|readonly)\s/m;

/**
 * Imports the file and gives what it exports.
 * @param file absolute
 * @throws whatever the file, or one that it imports, throws
 */
export async function loadModule(file: string): Promise<unknown> {
  const hooks = registerHooks({ resolve, load });
  try {
    const exported: unknown = await import(pathToFileURL(file).href);
    return exported;
  } finally {
    hooks.deregister();
  }
}

/** `./schema` and `./schema.js` may mean `./schema.ts`, and `./db` its index: TypeScript takes them all. */
const resolve: ResolveHookSync = (specifier, context, next) => {
  if (specifier === PACKAGE) return { url: packageUrl, shortCircuit: true };
  try {
    return next(specifier, context);
  } catch (error) {
    if (!specifier.startsWith(".") || !NOT_FOUND.some((code) => hasCode(error, code))) throw error;
    for (const candidate of candidatesFor(specifier)) {
      const found = attempt(() => next(candidate, context));
      if (found !== undefined) return found;
    }
    throw error;
  }
};

function candidatesFor(specifier: string): string[] {
  const compiled = /^(?<stem>.*)\.(?<kind>[cm]?)js$/.exec(specifier)?.groups;
  if (compiled !== undefined) return [`${compiled["stem"]}.${compiled["kind"]}ts`];
  return [".ts", ".mts", ".js", ".mjs", "/index.ts", "/index.js"].map((ending) => specifier + ending);
}

function attempt(find: () => ResolveFnOutput): ResolveFnOutput | undefined {
  try {
    return find();
  } catch (error) {
    if (NOT_FOUND.some((code) => hasCode(error, code))) return undefined;
    throw error;
  }
}

/**
 * A file with imports or exports is a module, whatever the nearest package.json says or leaves out. JavaScript is read as
 * TypeScript too, whose parser says in which line it stopped.
 */
const load: LoadHookSync = (url, context, next) => {
  const ending = /^file:.*\.(?<ending>m?[jt]s)$/.exec(url)?.groups?.["ending"];
  if (ending === undefined || url.includes("/node_modules/")) return next(url, context);
  const source = readFileSync(fileURLToPath(url), "utf8");
  if (!ending.startsWith("m") && !IS_MODULE.test(source)) return next(url, context);
  if (!NEEDS_REWRITING.test(source)) return next(url, { ...context, format: "module-typescript" });
  return { format: "module", source: rewrite(source), shortCircuit: true };
};

/** Node warns of the function being new, which is no matter to whoever reads a configuration file with it. */
function rewrite(source: string): string {
  const emitWarning: unknown = Reflect.get(process, "emitWarning");
  process.emitWarning = () => undefined;
  try {
    return stripTypeScriptTypes(source, { mode: "transform" });
  } finally {
    Reflect.set(process, "emitWarning", emitWarning);
  }
}
