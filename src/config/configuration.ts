// The configuration file: found, run, and read. Only process roots call it.
import { stat } from "node:fs/promises";
import path from "node:path";
import { isHoldfastError, HoldfastError } from "../core/errors.ts";
import type { Environment } from "./environment.ts";
import { loadModule } from "./file/load-module.ts";
import { describeFailure } from "./file/load-failure.ts";
import { builtInConfiguration, readConfig, type Configuration, type LocalStore } from "./file/read.ts";

/** In the working directory, where HOLDFAST_CONFIG names no other. */
const DEFAULT_FILES = ["ts", "mts", "js", "mjs"].map((ending) => `holdfast.config.${ending}`);
const ENDINGS = [".ts", ".mts", ".js", ".mjs"];

/**
 * What the configuration file says, or what holds without one. Nothing is opened, and no database is asked.
 * @throws HoldfastError CONFIG_INVALID for a file that is not there, cannot be run, or says what cannot be meant: every
 *   fault at once
 */
export async function readConfiguration(
  environment: Pick<Environment, "configFile" | "dataDir">,
): Promise<Configuration> {
  const file = await findFile(environment.configFile);
  if (file === undefined) return platformConfiguration(environment);
  const label = labelOf(file);
  const exported = await runFile(file, label);
  if (exported === undefined) {
    throw new HoldfastError("CONFIG_INVALID", `${label} has no default export.`, {
      hint: 'Write: import { defineConfig } from "holdfast"; export default defineConfig({ ... });',
    });
  }
  return readConfig(exported.value, label, localStore(environment));
}

/** The default export, waited for where it is a promise; undefined: there is none. */
async function runFile(file: string, label: string): Promise<{ readonly value: unknown } | undefined> {
  try {
    const exported = await loadModule(file);
    if (typeof exported !== "object" || exported === null || !("default" in exported)) return undefined;
    return { value: await exported.default };
  } catch (error) {
    throw isHoldfastError(error) ? error : describeFailure(error, label);
  }
}

/** What holds without a file: the built-in platform's catalog, and a store in the data directory. */
export function platformConfiguration(environment: Pick<Environment, "dataDir">): Configuration {
  return builtInConfiguration(localStore(environment));
}

function localStore({ dataDir }: Pick<Environment, "dataDir">): LocalStore {
  return ["local", { kind: "fs", directory: path.resolve(dataDir, "store") }];
}

async function findFile(named: string | undefined): Promise<string | undefined> {
  if (named !== undefined) {
    const file = path.resolve(named);
    if (!ENDINGS.includes(path.extname(file)))
      throw new HoldfastError("CONFIG_INVALID", `HOLDFAST_CONFIG: ${named} is no file that Node can run.`, {
        hint: `Name a file that ends in ${ENDINGS.join(", ")}.`,
      });
    if (!(await isFile(file)))
      throw new HoldfastError("CONFIG_INVALID", `HOLDFAST_CONFIG: there is no file ${file}.`, {
        hint: "Name the configuration file, or unset the variable.",
      });
    return file;
  }
  const found: string[] = [];
  for (const name of DEFAULT_FILES) if (await isFile(path.resolve(name))) found.push(name);
  const [first, ...others] = found;
  if (others.length > 0)
    throw new HoldfastError("CONFIG_INVALID", `There are several configuration files: ${found.join(", ")}.`, {
      hint: "Remove all but one, or say which one with HOLDFAST_CONFIG.",
    });
  return first === undefined ? undefined : path.resolve(first);
}

async function isFile(file: string): Promise<boolean> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() ?? false;
}

/** Relative to the working directory where it is below it. */
function labelOf(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative.startsWith("..") ? file : relative;
}
