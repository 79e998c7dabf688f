// GET /metrics: on the server's own port for a token, or on a port of its own for whoever can reach it.
import { Hono } from "hono";
import { requirePermissions } from "../../auth/permissions.ts";
import { MANAGE_BACKUPS } from "../../core/catalog.ts";
import type { ServerDeps } from "../deps.ts";
import { createMetrics, METRICS_CONTENT_TYPE, type MetricsDeps } from "./metrics.ts";

export const METRICS_PATH = "/metrics";
const HEADERS = { "Content-Type": METRICS_CONTENT_TYPE, "Cache-Control": "no-store" };

/** For a token of somebody who may manage backups. */
export function metricsRoutes(deps: MetricsDeps & Pick<ServerDeps, "auth">): Hono {
  const metrics = createMetrics(deps);
  return new Hono().get(METRICS_PATH, async (c) => {
    requirePermissions(await deps.auth.authenticate(c.req.header("authorization")), [MANAGE_BACKUPS]);
    return c.body(await metrics(), 200, HEADERS);
  });
}

/** For whoever can reach the port. */
export function openMetricsRoutes(deps: MetricsDeps): Hono {
  const metrics = createMetrics(deps);
  return new Hono()
    .get(METRICS_PATH, async (c) => c.body(await metrics(), 200, HEADERS))
    .notFound((c) => c.text(`There is nothing here but ${METRICS_PATH}.\n`, 404))
    .onError((error, c) => {
      deps.log.error({ err: error }, "the metrics could not be read");
      return c.text("The metrics could not be read; the server's log says why.\n", 503);
    });
}
