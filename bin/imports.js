// Makes the imports of a library cheap; to be loaded before anything that imports it. Plain JavaScript that old versions of Node can read
// as well.
import * as module from "node:module";

/**
 * At every import of one of its files Node parses the whole `exports` of a package anew (`getPackageScopeConfig` in Node 24's
 * lib/internal/modules/package_json_reader.js). Drizzle's are 130 kB, and with its own files it is imported hundreds of times: most of
 * what a command did before it began.
 */
const LIBRARY = "drizzle-orm";
const PLACE = `/node_modules/${LIBRARY}/`;

/** @type {Map<string, module.ResolveFnOutput>} */
const found = new Map();

module.registerHooks?.({
  resolve(specifier, context, nextResolve) {
    const { parentURL = "", conditions } = context;
    if (!conditions.includes("import")) return nextResolve(specifier, context);
    if (parentURL.includes(PLACE)) {
      // All of its files that end so are modules.
      return specifier.startsWith(".") && specifier.endsWith(".js")
        ? { url: new URL(specifier, parentURL).href, format: "module", shortCircuit: true }
        : nextResolve(specifier, context);
    }
    if (specifier !== LIBRARY && !specifier.startsWith(`${LIBRARY}/`)) return nextResolve(specifier, context);
    // Whichever of our files imports it, it is the same one.
    const known = found.get(specifier) ?? { ...nextResolve(specifier, context), shortCircuit: true };
    found.set(specifier, known);
    return known;
  },
});
