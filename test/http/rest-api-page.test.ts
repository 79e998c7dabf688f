// docs/rest-api.md: its lines are run as they are printed, by a shell, against `holdfast serve`.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it } from "vitest";
import { generateIdentity } from "../../src/codec/age.ts";
import { platformCatalog } from "../../src/core/platform-catalog.ts";
import { haveTools } from "../support/stock-tools.ts";
import { start } from "./curl.ts";
import { startServe } from "./serve.ts";

const PAGE = path.join(import.meta.dirname, "../../docs/rest-api.md");

const bash = (lines: string, options: Parameters<typeof start>[2]) =>
  start("bash", ["-euo", "pipefail", "-c", lines], options).outcome;

const blocksOf = (page: string, language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([^]*?)^\`\`\`$`, "gm"))].map(([, block = ""]) => block);

it.skipIf(!haveTools("curl", "jq", "tar"))("every line of the page does what the page says", async () => {
  const page = await readFile(PAGE, "utf8");
  await using server = await startServe();
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-page-"));
  try {
    const { identity, recipient } = await generateIdentity();
    const env = { PASSWORD: server.password, BACKUP_PASSPHRASE: "zażółć gęślą", RECIPIENT: recipient };
    const commands = blocksOf(page, "sh");
    commands.splice(-1, 0, "cp stored.tar whole.tar; truncate -s -500 stored.tar\n");
    const lines = commands.join("echo ---\n").replaceAll("http://localhost:4000", server.url);
    const { exitCode, stdout, stderr } = await bash(lines, { directory, env });
    expect([exitCode, stderr]).toEqual([0, ""]);

    const [whoAmI, token, files, encrypted, restored, replaced, hint, stored, cut, resumed, ...others] =
      stdout.toString().split("---\n");
    expect(JSON.parse(whoAmI ?? "")).toMatchObject({ success: true, user: { name: "admin" } });
    expect([token, encrypted, stored, cut, resumed, others]).toEqual(["", "", "", "", "", []]);
    expect(files).toMatch(/^holdfast\.json\nparts\/[^]*\nmanifest\.json\nindex\.json\n$/);
    expect(restored).toMatch(/platform\.users: 0 inserted, 0 updated\n[^]*true\n$/);
    expect(replaced).toBe("true\n");
    expect(hint).toBe(blocksOf(page, "text")[0]);
    expect((await readdir(directory)).toSorted()).toEqual([
      "auth.db",
      "auth.enc.db",
      "logs.enc.db",
      "stored.tar",
      "whole.tar",
    ]);
    const [whole, continued] = ["whole.tar", "stored.tar"].map((name) => path.join(directory, name));
    expect(await readFile(continued ?? "")).toEqual(await readFile(whole ?? ""));

    const restoring = `curl -sSf ${server.url}/api/v1/restore/logs --form backup=@logs.enc.db \
      --header "Holdfast-Identity: ${identity}" --header "Authorization: Bearer $(
        curl -sS ${server.url}/api/v1/auth/login --header 'Content-Type: application/json' \
          --data "{\\"username\\": \\"admin\\", \\"password\\": \\"$PASSWORD\\"}" | jq -r .token)"`;
    const opened = await bash(restoring, { directory, env });
    expect(JSON.parse(opened.stdout.toString())).toMatchObject({ success: true });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

it("the page's table has every group with its permissions", async () => {
  const page = await readFile(PAGE, "utf8");
  const rows = page.split("\n").filter((line) => /^\| `[a-z]+` +\| `READ_/.test(line));
  const words = rows.map((row) => [...row.matchAll(/`(\w+)`/g)].map(([, word]) => word));
  const expected = platformCatalog.groups.map((group) => [
    group.name.toLowerCase(),
    ...new Set(group.entities.flatMap((entity) => entity.readPermissions)),
    ...new Set(group.entities.flatMap((entity) => entity.writePermissions)),
  ]);
  expect(words).toEqual(expected);
});
