// holdfast serve: the API, and unless told not to a worker, until Ctrl-C.
import { Option, type Command } from "commander";
import type { Stack } from "../../runtime/stack.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { runUntil } from "../interrupt.ts";
import { parsePort } from "../options.ts";
import { paint } from "../terminal/paint.ts";

interface ServeOptions {
  readonly port?: number;
  readonly metricsPort?: number;
  readonly worker: boolean;
}

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Serves the API, and works on backups and restores, until Ctrl-C. With nothing configured it brings its own " +
        "PostgreSQL, queue, store and keys, all below HOLDFAST_DATA_DIR (.holdfast in the working directory). What it protects " +
        "and where backups go stands in holdfast.config.ts, or in the file that HOLDFAST_CONFIG names.",
    )
    .addOption(
      new Option("--port <number>", "where to listen; 0: any free port (default: PORT, or 4000)").argParser(
        parsePort,
      ),
    )
    .addOption(
      new Option(
        "--metrics-port <number>",
        "a port for /metrics alone that takes no token, on the loopback address unless HOLDFAST_METRICS_HOST says otherwise; " +
          "0: any free port (default: HOLDFAST_METRICS_PORT, or metrics.port in the configuration file, or none)",
      ).argParser(parsePort),
    )
    .option("--no-worker", "serve the API alone; `holdfast worker` does the work elsewhere")
    .action((options: ServeOptions) => serve(options, signal));
  addExamples(command, [
    ["holdfast serve", "the API at http://127.0.0.1:4000, everything else in .holdfast"],
    [
      "HOLDFAST_DATABASE_URL=postgres://... REDIS_URL=redis://... holdfast serve --no-worker",
      "on servers of your own",
    ],
  ]);
}

async function serve(options: ServeOptions, signal: AbortSignal): Promise<void> {
  const { readEnvironment } = await import("../../config/environment.ts");
  const { readConfiguration } = await import("../../config/configuration.ts");
  const { createLog } = await import("../../runtime/log.ts");
  const { secretsOf } = await import("../../runtime/redaction.ts");
  const { openTracing } = await import("../../runtime/open-tracing.ts");
  const { startStack } = await import("../../runtime/stack.ts");
  const { collectAll } = await import("../../codec/spent-buffers.ts");
  const environment = readEnvironment(process.env);
  const configuration = await readConfiguration(environment);
  const log = createLog(environment.logLevel, 2, secretsOf(environment, configuration));
  await using opened = new AsyncDisposableStack();
  opened.use(await openTracing(process.env, log));
  const { onLost, ended } = runUntil(signal);
  const stack = await startStack(
    {
      ...environment,
      port: options.port ?? environment.port,
      metricsPort: options.metricsPort ?? environment.metricsPort,
    },
    { configuration, log, worker: options.worker, onLost },
  );
  try {
    collectAll();
    process.stdout.write(welcome(stack));
    await ended();
  } finally {
    await stack.close();
  }
}

/** Where everything is, and a first backup that works as it is pasted. */
function welcome({ url, metricsUrl, adminPassword, dataDir }: Stack): string {
  const bold = (text: string): string => paint(process.stdout, "bold", text);
  const password = adminPassword ?? "...";
  const post = `curl -sS ${url}/graphql -H 'content-type: application/json'`;
  const login = String.raw`{"query":"mutation { login(username: \"admin\", password: \"${password}\") { token } }"}`;
  const start = `{"query":"mutation { startBackup(input: {}) { id status entities } }"}`;
  return `
${bold("Holdfast is ready.")}

  Console   ${url}  (for people: open it in a browser)
  GraphQL   ${url}/graphql  (in a browser: GraphiQL, with examples)
  Data      ${dataDir}${metricsUrl === undefined ? "" : `\n  Metrics   ${metricsUrl}  (for Prometheus, without a token)`}
  Account   admin, password ${adminPassword === undefined ? "as it was set" : `${bold(adminPassword)}  (shown this once)`}

Sign in, and start a backup:

  TOKEN=$(${post} \\
    -d '${login}' | sed 's/.*"token":"\\([^"]*\\)".*/\\1/')
  ${post} -H "authorization: Bearer $TOKEN" \\
    -d '${start}'

Ctrl-C stops it.
`;
}
