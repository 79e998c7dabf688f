// A port for the metrics alone, without tokens: for a Prometheus that reaches it and nobody else does.
import { once } from "node:events";
import { createServer } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { HoldfastError } from "../../core/errors.ts";
import type { MetricsDeps } from "./metrics.ts";
import { METRICS_PATH, openMetricsRoutes } from "./routes.ts";

export interface MetricsServer {
  /** Of the metrics themselves. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * @param options.port 0: any free port
 * @throws HoldfastError ADDRESS_UNAVAILABLE when the address is taken or may not be used
 */
export async function startMetricsServer(
  deps: MetricsDeps,
  options: { readonly host: string; readonly port: number },
): Promise<MetricsServer> {
  const listener = getRequestListener(openMetricsRoutes(deps).fetch);
  const server = createServer((request, response) => void listener(request, response));
  server.listen(options.port, options.host);
  await once(server, "listening").catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new HoldfastError("ADDRESS_UNAVAILABLE", `The metrics cannot be served: ${reason}`, {
      hint: "Choose another port with --metrics-port or HOLDFAST_METRICS_PORT (0: any free one), or another HOLDFAST_METRICS_HOST.",
      cause,
    });
  });
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : options.port;
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${port}${METRICS_PATH}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
