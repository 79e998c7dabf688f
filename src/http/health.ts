// Liveness and readiness, for load balancers and container health checks. Nothing here tells a stranger more than names.
import { Hono } from "hono";
import type { ServerDeps } from "./deps.ts";

const ANSWER_TIMEOUT_MS = 3_000;

export function healthRoutes({ readiness, log }: Pick<ServerDeps, "readiness" | "log">): Hono {
  const routes = new Hono();

  /** The process answers. */
  routes.get("/healthz", (c) => c.json({ status: "ok" }));

  /** Everything that it needs answers too. */
  routes.get("/readyz", async (c) => {
    const checks = Object.entries(readiness).map(async ([name, check]) => {
      const failure = await failureOf(check);
      if (failure !== undefined) log.warn({ err: failure, check: name }, "not ready");
      return [name, failure === undefined ? "ok" : "failed"] as const;
    });
    const results = await Promise.all(checks);
    const ready = results.every(([, result]) => result === "ok");
    return c.json(
      { status: ready ? "ready" : "not ready", checks: Object.fromEntries(results) },
      ready ? 200 : 503,
    );
  });

  return routes;
}

/** What went wrong; undefined if nothing did. A check that does not answer in time has failed. */
async function failureOf(check: () => Promise<unknown>): Promise<unknown> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new Error(`no answer within ${ANSWER_TIMEOUT_MS / 1000} s`)),
    ANSWER_TIMEOUT_MS,
  );
  try {
    await Promise.race([check(), timeout.promise]);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    clearTimeout(timer);
  }
}
