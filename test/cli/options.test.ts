// How the values of options are read.
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { define } from "../../src/cli/commands/backup.ts";
import { collectNames } from "../../src/cli/options.ts";

describe("names on the command line", () => {
  it("are those of the catalog, however they are written", () => {
    expect(collectNames("audit-logs,orderLines, order_lines,USERS,HTTPLogs", ["FIRST"])).toEqual([
      ...["FIRST", "AUDIT_LOGS", "ORDER_LINES", "ORDER_LINES", "USERS", "HTTP_LOGS"],
    ]);
  });

  it("of stores stay as they are", () => {
    const command = new Command("backup");
    define(command, { signal: new AbortController().signal });
    command
      .action(() => undefined)
      .parse(["--store", "near,Far-off", "--entities", "users"], { from: "user" });
    expect(command.opts()).toMatchObject({ store: ["near", "Far-off"], entities: ["USERS"] });
  });
});
