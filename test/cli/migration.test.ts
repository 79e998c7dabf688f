// docs/migration.md: its commands, as they are printed, from one embedded server to another with a different secret key.
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { seedPlatform, SMALL_SIZES } from "../../src/platform/seed.ts";
import { COMMAND } from "../support/command.ts";
import { fingerprints, type Fingerprints } from "../support/fingerprints.ts";
import { withServer } from "./own-server.ts";

const PAGE = path.join(import.meta.dirname, "../../docs/migration.md");
const OLD = {
  HOLDFAST_SECRET_KEY: "the secret key of the old server",
  HOLDFAST_ADMIN_PASSWORD: "the old password",
};
const NEW = {
  HOLDFAST_SECRET_KEY: "the secret key of the new server",
  HOLDFAST_ADMIN_PASSWORD: "another password",
};

let directory: string;
let before: Fingerprints;
let session: string;
let personal: string;

/** What the page says to do on a host, without what goes on for ever. */
async function commandsUnder(heading: string): Promise<string> {
  const section = (await readFile(PAGE, "utf8")).split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const blocks = [...section.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? "");
  return blocks.filter((block) => !block.startsWith("holdfast serve")).join("\n");
}

/** On a host, which is a directory with a data directory in it. */
async function run(host: "old" | "new", heading: string): Promise<string> {
  return execFileSync("bash", ["-euo", "pipefail", "-c", await commandsUnder(heading)], {
    cwd: path.join(directory, host),
    env: {
      PATH: `${directory}/bin:${process.env["PATH"] ?? ""}`,
      HOME: directory,
      HOLDFAST_PASSPHRASE: "correct horse battery staple",
      HOLDFAST_SECRET_KEY: (host === "old" ? OLD : NEW).HOLDFAST_SECRET_KEY,
    },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "holdfast-migration-"));
  for (const made of ["bin", "old", "new"]) await mkdir(path.join(directory, made));
  // The network between the two is a directory above them.
  const programs = {
    holdfast: `exec '${process.execPath}' '${COMMAND}' "$@"`,
    scp: 'cp "${@:1:$#-1}" ../new',
  };
  for (const [name, line] of Object.entries(programs)) {
    await writeFile(path.join(directory, "bin", name), `#!/bin/bash\n${line}\n`);
    await chmod(path.join(directory, "bin", name), 0o755);
  }
  await withServer(
    path.join(directory, "old/.holdfast"),
    OLD,
    async ({ sql, databaseUrl, signIn, request }) => {
      await seedPlatform(sql, SMALL_SIZES);
      ({ token: session } = await signIn("admin", OLD.HOLDFAST_ADMIN_PASSWORD));
      const made = await request("POST", "/tokens", { name: "nightly" }, session);
      personal = String(made.json["token"]);
      before = await fingerprints(databaseUrl);
    },
  );
}, 240_000);
afterAll(() => rm(directory, { recursive: true }));

it(
  "moves everything to a new server, where old passwords and tokens hold and old sessions do not",
  { timeout: 240_000 },
  async () => {
    expect(await run("old", "On the old server")).toContain("Sound: ");
    expect(await readdir(path.join(directory, "new"))).toEqual(["move.enc", "rows.old"]);
    expect(await run("new", "On the new server")).toContain("Restored: ");
    expect(await run("new", "Verify")).toContain("the same rows in every table");

    await withServer(path.join(directory, "new/.holdfast"), NEW, async ({ databaseUrl, signIn, request }) => {
      expect(await fingerprints(databaseUrl)).toEqual(before);
      const whoami = (token: string) => request("GET", "/auth/whoami", undefined, token);
      expect(await whoami(personal)).toMatchObject({ status: 200, json: { user: { name: "admin" } } });
      expect(await whoami(session)).toMatchObject({ status: 401 });
      expect(await signIn("admin", NEW.HOLDFAST_ADMIN_PASSWORD)).toMatchObject({ status: 401 });
      expect(await signIn("admin", OLD.HOLDFAST_ADMIN_PASSWORD)).toMatchObject({ status: 200 });
    });
  },
);
