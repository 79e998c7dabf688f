// Docker is not at hand where the tests run, so what docker-compose.yml promises is checked by reading it.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { readEnvironment } from "../src/config/environment.ts";

const ROOT = path.join(import.meta.dirname, "..");
const read = (name: string) => readFile(path.join(ROOT, name), "utf8");

const service = z.object({
  image: z.string(),
  build: z.string().optional(),
  command: z.array(z.string()).optional(),
  container_name: z.string().optional(),
  environment: z.record(z.string(), z.string()).default({}),
  ports: z.array(z.string()).default([]),
  volumes: z.array(z.string()).default([]),
  depends_on: z.record(z.string(), z.object({ condition: z.string() })).default({}),
  healthcheck: z.object({ test: z.array(z.string()).min(2), interval: z.string(), timeout: z.string() }),
});
const compose = z
  .object({
    services: z.object({ postgres: service, redis: service, api: service, worker: service }).strict(),
    volumes: z.record(z.string(), z.null()),
  })
  .parse(parse(await read("docker-compose.yml"), { merge: true }));
const { postgres, redis, api, worker } = compose.services;

/** As Compose fills in `${NAME:?}` and `${NAME:-default}`. */
function substitute(text: string): string {
  return text.replaceAll(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)\}/g, (_, name: string, fallback?: string) => {
    return fallback ?? `${name}-in-more-than-32-letters`;
  });
}

describe("docker-compose.yml", () => {
  it("runs PostgreSQL 18 with its rows on a volume, in the place where that version keeps them", () => {
    expect(postgres.image).toMatch(/^postgres:18/);
    expect(postgres.volumes).toEqual(["postgres:/var/lib/postgresql"]);
    expect(postgres.healthcheck.test).toContain("pg_isready");
  });

  it("runs a Redis that appends every change and evicts nothing, with its file on a volume", () => {
    expect(redis.command?.join(" ")).toBe("redis-server --appendonly yes --maxmemory-policy noeviction");
    expect(redis.volumes).toEqual(["redis:/data"]);
    expect(redis.healthcheck.test.join(" ")).toContain("ping");
  });

  it("runs the API and the workers from one image, on the same databases, key and file store", () => {
    expect([api.build, api.image]).toEqual([worker.build, worker.image]);
    expect(api.command).toEqual(["serve", "--no-worker"]);
    expect(worker.command).toEqual(["worker"]);
    expect(worker.volumes).toEqual(api.volumes);
    const { HOLDFAST_ADMIN_PASSWORD: _, ...shared } = api.environment;
    expect(worker.environment).toEqual(shared);
  });

  it("can run any number of workers: they have no fixed name and no port", () => {
    expect(worker.container_name).toBeUndefined();
    expect(worker.ports).toEqual([]);
  });

  it("publishes the API's port to this machine alone, and no other", () => {
    expect(api.ports).toEqual(["127.0.0.1:4000:4000"]);
    expect([...postgres.ports, ...redis.ports]).toEqual([]);
  });

  it("gives variables that Holdfast accepts, and no secret of its own", () => {
    for (const { environment } of [api, worker]) {
      const filled = Object.entries(environment).map(([name, value]) => [name, substitute(value)]);
      expect(readEnvironment(Object.fromEntries(filled))).toMatchObject({ redisUrl: "redis://redis:6379" });
    }
    const secrets = Object.values(compose.services)
      .flatMap(({ environment }) => Object.entries(environment))
      .filter(([name]) => /PASSWORD|KEY|DATABASE_URL/.test(name));
    expect(secrets).toHaveLength(6);
    for (const [, value] of secrets) expect(value).toMatch(/\$\{\w+:\?/);
  });

  it("starts each service once those that it needs are healthy, and uses volumes that are declared", () => {
    expect(api.depends_on).toEqual({
      postgres: { condition: "service_healthy" },
      redis: { condition: "service_healthy" },
    });
    expect(worker.depends_on).toEqual({ api: { condition: "service_healthy" } });
    const used = Object.values(compose.services).flatMap(({ volumes }) =>
      volumes.map((at) => at.split(":")[0]),
    );
    expect(new Set(used)).toEqual(new Set(Object.keys(compose.volumes)));
  });
});

describe("the Dockerfile", () => {
  it("copies what .dockerignore lets in, runs as an ordinary user and listens where Docker can reach it", async () => {
    const dockerfile = await read("Dockerfile");
    // Of the build's context: what one stage takes from another has been let in before.
    const sources = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names]) =>
      (names ?? "").split(" "),
    );
    const copied = [...new Set(sources.map((name) => name.split("/")[0] ?? name))];
    const allowed = [...(await read(".dockerignore")).matchAll(/^!(.+)$/gm)].map(([, name = ""]) => name);
    expect(copied.toSorted()).toEqual(allowed.toSorted());
    expect(dockerfile).toMatch(/^FROM node:24/m);
    expect(dockerfile).toMatch(/^USER node$/m);
    expect(dockerfile).toContain("HOST=0.0.0.0");
  });
});
