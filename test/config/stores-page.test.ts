// The example of docs/stores.md, read as it stands there; and the page names every setting that there is.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, vi } from "vitest";
import { readConfiguration } from "../../src/config/configuration.ts";
import { storeDeclarationSchema } from "../../src/core/store-declaration.ts";
import { openStore } from "../../src/store/open.ts";

const page = await readFile(path.join(import.meta.dirname, "../../docs/stores.md"), "utf8");

it("has an example that declares stores which open, and say where they are without a secret", async () => {
  const [, code = ""] = /^```ts\n(.*?)^```$/ms.exec(page) ?? [];
  const directory = await mkdtemp(path.join(tmpdir(), "holdfast-stores-page-"));
  const configFile = path.join(directory, "holdfast.config.ts");
  await writeFile(configFile, code);
  vi.stubEnv("BACKUP_KEY_ID", "marked-secret-id");
  vi.stubEnv("BACKUP_KEY_SECRET", "marked-secret-key");
  const { stores, defaultStores } = await readConfiguration({ configFile, dataDir: directory });
  vi.unstubAllEnvs();
  await rm(directory, { recursive: true });
  const opened = await Promise.all([...stores.values()].map((declaration) => openStore(declaration)));
  expect(opened.map(({ kind, place }) => [kind, place])).toEqual([
    ["fs", "/var/backups/holdfast"],
    ["sftp", "sftp://holdfast@backup.example.org:22/backups"],
    ["s3", "s3://example-backups/holdfast/"],
  ]);
  expect(defaultStores).toEqual(["local", "offsite"]);
  for (const store of opened) await store.close();
});

it("names every setting of every store", () => {
  const settings = storeDeclarationSchema.options.flatMap(({ shape }) => Object.keys(shape));
  for (const setting of settings.filter((name) => name !== "kind")) expect(page).toContain(`\`${setting}\``);
});
