// Why a configuration file could not be run, and in which file and line.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { hasCode, HoldfastError } from "../../core/errors.ts";

/**
 * @param error what running the file has thrown; its message is repeated, for it is the user's own
 * @param file as messages are to name it
 */
export function describeFailure(error: unknown, file: string): HoldfastError {
  const where = error instanceof Error ? locate(error) : undefined;
  const at = where === undefined ? "" : ` (${where})`;
  const message = error instanceof Error ? error.message : String(error);
  return new HoldfastError("CONFIG_INVALID", `${file} cannot be run: ${message}${at}`, {
    hint: hintFor(error),
    cause: error,
  });
}

function hintFor(error: unknown): string {
  if (hasCode(error, "ERR_MODULE_NOT_FOUND"))
    return "Install the package that is missing (npm install), or correct the path of the import.";
  if (error instanceof SyntaxError) return "Correct the line and start again.";
  return "Correct what it throws and start again; it runs with the environment of this process.";
}

/** `file:line:column`, or as much as there is of it: of what cannot be parsed, or of the topmost line that is not Node's own. */
function locate({ stack = "" }: Error): string | undefined {
  const [first = ""] = stack.split("\n");
  const parsed = /^(?<file>(?:file:\/\/)?\/\S.*?):(?<line>\d+)$/.exec(first)?.groups;
  const thrown = /^\s*at (?:.*\()?(?<file>(?:file:\/\/)?\/.*?):(?<line>\d+:\d+)\)?$/m.exec(stack)?.groups;
  const { file, line } = parsed ?? thrown ?? {};
  if (file === undefined || line === undefined || (parsed === undefined && isOwn(file))) return undefined;
  return `${plainPath(file)}:${line}`;
}

const isOwn = (file: string): boolean => plainPath(file).startsWith(import.meta.dirname);

function plainPath(file: string): string {
  const [plain = ""] = (file.startsWith("file:") ? fileURLToPath(file) : file).split("?");
  return path.normalize(plain);
}
