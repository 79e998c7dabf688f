// holdfast logout: ends the session that `holdfast login` has begun, and forgets its token.
import type { Command } from "commander";
import type { LogoutOptions } from "../acts/logout.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { serverOption } from "../server-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description("Ends the session that `holdfast login` has begun at a server, and forgets its token.")
    .addOption(serverOption())
    .option("--json", "print the result as JSON")
    .action(async (options: LogoutOptions) => {
      const { runLogout } = await import("../acts/logout.ts");
      await runLogout(options, signal);
    });
  addExamples(command, [["holdfast logout --server https://backups.example.org", "of that server"]]);
}
