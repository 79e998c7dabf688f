// Prints the schema of the built-in platform catalog into schema/schema.graphql; with --check, fails if it differs.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { printSchemaWithDirectives } from "@graphql-tools/utils";
import { platformCatalog } from "../src/core/platform-catalog.ts";
import { buildSchema } from "./schema.ts";

const FILE = path.join(import.meta.dirname, "schema.graphql");
const HEADER = "# Printed by `node schema/print.ts`. Do not edit.\n\n";

const printed = `${HEADER}${printSchemaWithDirectives(buildSchema(platformCatalog))}\n`;

if (process.argv.includes("--check")) {
  const present = await readFile(FILE, "utf8").catch(() => "");
  if (present !== printed) {
    console.error("schema/schema.graphql is not what the code prints.");
    console.error("hint: run `node schema/print.ts`, then look at `git diff schema/schema.graphql`.");
    process.exitCode = 1;
  }
} else {
  await writeFile(FILE, printed);
}
