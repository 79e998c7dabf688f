// Liveness and readiness, for load balancers and container health checks. Nothing here tells a stranger more than names.
import { Hono } from "hono";
import type { ServerDeps } from "./deps.ts";

const ANSWER_TIMEOUT_MS = 3_000;

export function healthRoutes({
  readiness,
  storeReadiness = [],
  log,
}: Pick<ServerDeps, "readiness" | "storeReadiness" | "log">): Hono {
  const routes = new Hono();

  /** The process answers. */
  routes.get("/healthz", (c) => c.json({ status: "ok" }));

  const examine = async (name: string, check: () => Promise<unknown>): Promise<boolean> => {
    const failure = await failureOf(check);
    if (failure !== undefined) log.warn({ err: failure, check: name }, "a check of readiness failed");
    return failure === undefined;
  };

  const look = async (): Promise<{ ready: boolean; checks: Record<string, "ok" | "failed"> }> => {
    const required = Promise.all(
      Object.entries(readiness).map(async ([name, check]) => ({ name, ok: await examine(name, check) })),
    );
    const stores = await Promise.all(
      storeReadiness.map(async ({ name, isDefault, check }) => {
        const label = `store ${name}`;
        return { name: label, isDefault, ok: await examine(label, check) };
      }),
    );
    const results = [...(await required), ...stores];
    // Backups go on in the stores that are left, and say which one failed: no server is of less use than another for that.
    const byDefault = stores.filter(({ isDefault }) => isDefault);
    return {
      ready:
        (await required).every(({ ok }) => ok) && (byDefault.length === 0 || byDefault.some(({ ok }) => ok)),
      checks: Object.fromEntries(results.map(({ name, ok }) => [name, ok ? "ok" : "failed"])),
    };
  };

  /** All that it cannot do without answers too. Nobody who asks often makes the stores be asked more than once at a time. */
  let looking: ReturnType<typeof look> | undefined;
  routes.get("/readyz", async (c) => {
    looking ??= look().finally(() => (looking = undefined));
    const { ready, checks } = await looking;
    return c.json({ status: ready ? "ready" : "not ready", checks }, ready ? 200 : 503);
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
