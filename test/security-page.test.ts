// What docs/security.md promises is held by tests: those that it names are there.
import { access, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "..");

it("every test and every file that docs/security.md names is there", async () => {
  const page = await readFile(path.join(ROOT, "docs/security.md"), "utf8");
  const tests = page.matchAll(/`(test\/[\w/.-]+)`/g).map(([, file = ""]) => file);
  const links = page.matchAll(/\]\(([\w-]+\.md)\)/g).map(([, file = ""]) => `docs/${file}`);
  const named = [...new Set([...tests, ...links])];
  expect(named.length).toBeGreaterThan(15);
  for (const file of named) await access(path.join(ROOT, file));
});
