// docs/monitoring/: the rules hold what they say, and they and the dashboard ask for what is really told.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { createMetrics } from "../../src/http/metrics/metrics.ts";
import { claim, finishedBackup } from "../http/runs-driver.ts";
import { startTestServer } from "../http/server-fixture.ts";
import { finishRun } from "../../src/ledger/attempts.ts";
import { createRun } from "../../src/ledger/runs.ts";
import { promtool } from "../support/promtool.ts";
import { haveTools } from "../support/stock-tools.ts";

const ROOT = path.join(import.meta.dirname, "../..");
const RULES = path.join(ROOT, "docs/monitoring/alerts.yml");

const rules = z
  .object({
    groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
  })
  .parse(parse(await readFile(RULES, "utf8")))
  .groups.flatMap((group) => group.rules);
const dashboard = z
  .object({
    panels: z.array(
      z.object({
        id: z.number(),
        title: z.string(),
        targets: z.array(z.object({ expr: z.string() })).min(1),
      }),
    ),
  })
  .parse(JSON.parse(await readFile(path.join(ROOT, "docs/monitoring/dashboard.json"), "utf8")));
const expressions = [
  ...rules.map(({ expr }) => expr),
  ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
];

/** Every series that a server tells, as it tells it: `name{label="value",...}`. */
let series: string[];
let help: string[];
beforeAll(async () => {
  await using server = await startTestServer();
  const { ledger } = server.world;
  const backupId = await finishedBackup(ledger, ["USERS"]);
  const [schedule] = await ledger.sql<{ id: string }[]>`
    insert into holdfast.schedules (name, cron, time_zone, selection, recipients, stores, enabled)
    values ('nightly', '30 2 * * *', 'UTC', '{}', '{}', '{local}', true) returning id`;
  const { run } = await createRun(ledger, {
    ...{
      id: crypto.randomUUID(),
      kind: "VERIFICATION",
      entities: ["USERS"],
      requestedById: null,
      requestedBy: null,
    },
    ...{ request: { backupId, level: "DRILL" }, scheduleId: schedule?.id },
  });
  await finishRun(ledger, await claim(ledger, run.id), {
    ...{ status: "SUCCEEDED", outcome: { level: "DRILL", note: null, stores: [], tables: [] } },
  });
  const lines = (await createMetrics(server.deps)()).split("\n");
  series = lines
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")));
  help = lines.filter((line) => line.startsWith("# HELP holdfast_")).map((line) => line.split(" ")[2] ?? "");
});

/** What an expression selects: a metric's name, and the labels that have to be equal. */
function selectorsOf(expression: string): { name: string; labels: string[] }[] {
  const found = expression.matchAll(/\b((?:holdfast|process|nodejs)_\w+)(?:\{([^}]*)\})?/g);
  return [...found].map(([, name = "", labels = ""]) => ({
    name,
    labels: labels.match(/\w+="[^"]*"/g) ?? [],
  }));
}

describe("the rules and the dashboard", () => {
  it("ask for nothing but what is told, with labels that it has", () => {
    const asked = expressions.flatMap(selectorsOf);
    expect(asked.length).toBeGreaterThan(30);
    const unknown = asked.filter(
      ({ name, labels }) =>
        !series.some((one) => one.split("{")[0] === name && labels.every((label) => one.includes(label))),
    );
    expect(unknown).toEqual([]);
    for (const expression of expressions) expect(selectorsOf(expression)).not.toEqual([]);
  });

  it("group by labels that exist", () => {
    const labels = new Set(
      series.flatMap((one) => [...one.matchAll(/[{,](\w+)="/g)].map(([, label]) => label)),
    );
    const grouped = expressions.flatMap((expression) =>
      [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = ""]) => list.split(/,\s*/)),
    );
    expect(grouped.filter((label) => !labels.has(label))).toEqual([]);
  });

  it("leave no panel without a number of its own", () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("are described in docs/monitoring.md, each metric and each alert", async () => {
    const page = await readFile(path.join(ROOT, "docs/monitoring.md"), "utf8");
    const names = [...help, ...rules.map(({ alert }) => alert)];
    expect(names.length).toBeGreaterThan(25);
    expect(names.filter((name) => !page.includes(`\`${name}`))).toEqual([]);
    const told = [...page.matchAll(/`(holdfast_\w+)/g)].map(([, name = ""]) => name);
    expect(told.filter((name) => !series.some((one) => one.startsWith(name)))).toEqual([]);
  });
});

describe.skipIf(!haveTools("promtool"))("promtool", () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), "holdfast-rules-"));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  it("takes the rules, and they raise what they should", () => {
    expect(promtool(["check", "rules", RULES])).toMatchObject({ code: 0 });
    const tests = path.join(import.meta.dirname, "alerts.yml");
    expect(promtool(["test", "rules", tests])).toMatchObject({
      code: 0,
      said: expect.stringContaining("SUCCESS"),
    });
  });

  it("understands what the dashboard asks", async () => {
    const file = path.join(directory, "dashboard.yml");
    const asked = dashboard.panels.flatMap(({ targets }) => targets);
    const recorded = asked.map(({ expr }, place) => ({ record: `dashboard:${place}`, expr }));
    await writeFile(file, stringify({ groups: [{ name: "dashboard", rules: recorded }] }));
    expect(promtool(["check", "rules", file])).toMatchObject({ code: 0 });
  });

  it("takes the example of a scrape in docs/monitoring.md", async () => {
    const page = await readFile(path.join(ROOT, "docs/monitoring.md"), "utf8");
    const [, example = ""] = /^```yaml\n(.*?)^```$/ms.exec(page) ?? [];
    const file = path.join(directory, "prometheus.yml");
    await writeFile(path.join(directory, "holdfast-token"), "a token\n");
    const [rulesFile, folder] = ["/etc/prometheus/alerts.yml", "/etc/prometheus/"];
    await writeFile(file, example.replace(rulesFile, RULES).replace(folder, `${directory}/`));
    expect(promtool(["check", "config", file])).toMatchObject({ code: 0 });
  });
});
