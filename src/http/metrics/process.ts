// What Prometheus is told of the server's process: memory, processor time, the event loop. Other than the ledger's, these are
// each server's own.
import { readFileSync } from "node:fs";
import { collectDefaultMetrics, Gauge, Registry } from "prom-client";

/** Gauges whose names say that they were counters; what they count is in nodejs_active_resources, by type. */
const MISNAMED = ["handles", "requests", "resources"].map((what) => `nodejs_active_${what}_total`);

let registry: Registry | undefined;

/** One for the process, from when it is first asked for: measuring the event loop takes a timer. */
export function processMetrics(): Registry {
  registry ??= measureProcess();
  return registry;
}

function measureProcess(): Registry {
  const register = new Registry();
  collectDefaultMetrics({ register });
  for (const name of MISNAMED) register.removeSingleMetric(name);
  const build = new Gauge({
    ...{ name: "holdfast_build_info", labelNames: ["version"], registers: [register] },
    help: "1; the label says which version of Holdfast this server is.",
  });
  build.set({ version: packageVersion() }, 1);
  return register;
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL("../../../package.json", import.meta.url), "utf8"),
  );
  return typeof manifest === "object" && manifest !== null && "version" in manifest
    ? String(manifest.version)
    : "unknown";
}
