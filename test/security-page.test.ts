// What docs/security.md and docs/reliability.md promise is held by tests: those that they name are there.
import { access, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, it } from "vitest";

const ROOT = path.join(import.meta.dirname, "..");

it.each(["docs/security.md", "docs/reliability.md"])(
  "every test and every file that %s names is there",
  async (name) => {
    const page = await readFile(path.join(ROOT, name), "utf8");
    const tests = page.matchAll(/`(test\/[\w/.-]+)`/g).map(([, file = ""]) => file);
    const links = page.matchAll(/\]\(([\w-]+\.md)\)/g).map(([, file = ""]) => `docs/${file}`);
    const named = [...new Set([...tests, ...links])];
    expect(named.length).toBeGreaterThan(15);
    for (const file of named) await access(path.join(ROOT, file));
  },
);
