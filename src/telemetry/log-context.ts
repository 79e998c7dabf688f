// What every log line says that is written on behalf of a request, however deep the call that writes it.
import { AsyncLocalStorage } from "node:async_hooks";

export interface LogContext {
  /** As the request's answer names it, in `X-Request-Id`. */
  readonly requestId: string;
}

const storage = new AsyncLocalStorage<LogContext>();

/** Runs the act, and what it starts, on behalf of the request. */
export function withLogContext<T>(context: LogContext, act: () => T): T {
  return storage.run(context, act);
}

/** undefined: nothing is being done for a request. */
export function logContext(): LogContext | undefined {
  return storage.getStore();
}
