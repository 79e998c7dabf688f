// Traces, as a collector gets them: from the mutation over the queue to every part that a store takes.
import { createServer } from "node:http";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { readTracing } from "../../src/config/tracing.ts";
import { readEnvironment } from "../../src/config/environment.ts";
import { createLog } from "../../src/runtime/log.ts";
import { openTracing } from "../../src/runtime/open-tracing.ts";
import { startStack } from "../../src/runtime/stack.ts";
import { isTracing } from "../../src/telemetry/spans.ts";
import { ask } from "../http/server-fixture.ts";
import { createDatabase } from "../support/postgres.ts";

const PASSWORD = "marked-password-1";
const PASSPHRASE = "marked-passphrase-2";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

const attribute = z.object({ key: z.string(), value: z.record(z.string(), z.unknown()) });
const exported = z.object({
  resourceSpans: z.array(
    z.object({
      resource: z.object({ attributes: z.array(attribute) }),
      scopeSpans: z.array(
        z.object({
          spans: z.array(
            z.object({
              ...{
                name: z.string(),
                traceId: z.string(),
                spanId: z.string(),
                parentSpanId: z.string().optional(),
              },
              ...{
                kind: z.number(),
                attributes: z.array(attribute),
                status: z.object({ code: z.number().optional() }),
              },
            }),
          ),
        }),
      ),
    }),
  ),
});
type Exported = z.infer<typeof exported>;
type Span = Exported["resourceSpans"][number]["scopeSpans"][number]["spans"][number];

const bodies: string[] = [];
let spans: Span[];
let resource: string;
/** From the one that is named first up to the trace's beginning. */
const wayOf = (span: Span): string[] => {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [span.name, ...(parent === undefined ? [] : wayOf(parent))];
};
const named = (name: string): Span[] => spans.filter((span) => span.name === name);
const valueOf = (span: Span | undefined, key: string): unknown =>
  Object.values(span?.attributes.find((one) => one.key === key)?.value ?? {})[0];

beforeAll(async () => {
  const collector = createServer((request, response) => {
    void text(request).then((body) => {
      if (request.url === "/v1/traces") bodies.push(body);
      response.setHeader("content-type", "application/json").end("{}");
    });
  }).listen(0, "127.0.0.1");
  await once(collector, "listening");
  const address = collector.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const variables = {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test",
  };
  for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value);
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-tracing-"));
  await using database = await createDatabase();
  const environment = readEnvironment({
    ...{ HOLDFAST_DATA_DIR: directory, HOLDFAST_DATABASE_URL: database.url, PORT: "0" },
    HOLDFAST_ADMIN_PASSWORD: PASSWORD,
    ...(process.env["REDIS_URL"] !== undefined && { REDIS_URL: process.env["REDIS_URL"] }),
  });
  const tracing = await openTracing(variables, createLog("silent"));
  const stack = await startStack(environment, {});
  try {
    const login = `mutation { login(username: "admin", password: "${PASSWORD}") { token } }`;
    const { data } = await ask<{ login: { token: string } }>(stack.url, login);
    const authorization = `Bearer ${data?.login.token}`;
    const start = `mutation { startBackup(input: { entities: [USERS], encryption: { passphrase: "${PASSPHRASE}" } }) { id } }`;
    const headers = { traceparent: `00-${TRACE}-${PARENT}-01`, "X-Request-Id": "traced-1" };
    const started = await ask<{ startBackup: { id: string } }>(stack.url, start, { authorization, headers });
    const id = started.data?.startBackup.id ?? "";
    const status = async () => {
      const query = `{ backup(id: "${id}") { status } }`;
      return (await ask<{ backup: { status: string } }>(stack.url, query, { authorization })).data?.backup
        .status;
    };
    await vi.waitFor(async () => expect(await status()).toBe("SUCCEEDED"), {
      timeout: 60_000,
      interval: 100,
    });
  } finally {
    await stack.close();
    await tracing[Symbol.asyncDispose]();
    collector.close();
    vi.unstubAllEnvs();
    await rm(directory, { recursive: true, force: true });
  }
  const read = bodies.map((body) => exported.parse(JSON.parse(body)));
  const resources = read.flatMap((one) => one.resourceSpans);
  resource = JSON.stringify(resources[0]?.resource.attributes);
  spans = resources.flatMap((one) => one.scopeSpans).flatMap((one) => one.spans);
  // The others are of requests of their own.
  spans = spans.filter(({ traceId }) => traceId === TRACE);
}, 180_000);
afterAll(() => vi.unstubAllEnvs());

describe("a backup's trace", () => {
  it("goes from the request to each part that a store takes, over the queue", () => {
    const puts = named("put local").map(wayOf);
    const parts = puts.filter((way) => way[1] === "part");
    expect(parts).toContainEqual([
      ...["put local", "part", "copy platform.users", "copying", "backup", "process runs"],
      ...["add runs.BACKUP", "mutation startBackup", "POST /graphql"],
    ]);
    // The header and the key, the manifest and the index.
    expect(puts.filter((way) => way[1] === "copying")).toHaveLength(2);
    expect(puts.filter((way) => way[1] === "sealing")).toHaveLength(2);
    expect(named("planning")).toHaveLength(1);
    expect(named("POST /graphql")[0]?.parentSpanId).toBe(PARENT);
  });

  it("says what each is about, and that all of it went well", () => {
    const [run] = named("backup");
    expect(valueOf(run, "holdfast.run.outcome")).toBe("SUCCEEDED");
    expect(valueOf(run, "holdfast.request.id")).toBe("traced-1");
    expect(valueOf(named("POST /graphql")[0], "http.response.status_code")).toBe(200);
    const part = named("part").find((one) => valueOf(one, "holdfast.table") === "platform.users");
    expect(Number(valueOf(part, "holdfast.rows"))).toBeGreaterThan(0);
    expect(spans.filter(({ status }) => status.code === 2)).toEqual([]);
    expect(resource).toContain('"holdfast"');
    expect(resource).toContain("deployment.environment");
  });

  it("holds no secret, and nothing of what idle workers do", () => {
    const all = bodies.join("\n");
    for (const secret of [PASSWORD, PASSPHRASE, "postgres://", "Bearer"]) expect(all).not.toContain(secret);
    expect(all).not.toMatch(/getNextJob|moveStalledJobsToWait|extendLocks|startStalledCheckTimer/);
  });
});

describe("the switch", () => {
  it("is off unless an endpoint or the exporter is named, and off for good where that is said", () => {
    const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" };
    expect(readTracing({})).toBeUndefined();
    expect(readTracing({ OTEL_SERVICE_NAME: "x", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" })).toBeUndefined();
    expect(readTracing({ ...endpoint, OTEL_SDK_DISABLED: "true" })).toBeUndefined();
    expect(readTracing({ ...endpoint, OTEL_TRACES_EXPORTER: "none" })).toBeUndefined();
    expect(readTracing(endpoint)).toMatchObject({
      protocol: "http/protobuf",
      sampler: "parentbased_always_on",
    });
    expect(
      readTracing({ OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json" }),
    ).toMatchObject({
      protocol: "http/json",
    });
    expect(isTracing()).toBe(false);
  });

  it("names every fault of the variables at once", () => {
    const environment = {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4317", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      ...{ OTEL_TRACES_EXPORTER: "zipkin", OTEL_TRACES_SAMPLER_ARG: "2" },
    };
    expect(() => readTracing(environment)).toThrow(
      /OTEL_TRACES_EXPORTER: .*\nOTEL_EXPORTER_OTLP_ENDPOINT: .*\nOTEL_EXPORTER_OTLP_PROTOCOL: .*\nOTEL_TRACES_SAMPLER_ARG: /,
    );
  });
});
