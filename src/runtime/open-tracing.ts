// Traces, where the environment asks for them; without, nothing of what they take is loaded.
import type { Logger } from "pino";
import { readTracing } from "../config/tracing.ts";

/**
 * To be opened before anything that is to be traced, and closed after it.
 * @throws HoldfastError CONFIG_INVALID
 */
export async function openTracing(environment: NodeJS.ProcessEnv, log: Logger): Promise<AsyncDisposable> {
  const settings = readTracing(environment);
  if (settings === undefined) return { [Symbol.asyncDispose]: async () => undefined };
  const { startTracing } = await import("./tracing.ts");
  return startTracing(settings, log);
}
