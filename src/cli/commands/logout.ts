// holdfast logout: forgets the token that `holdfast login` has kept.
import type { Command } from "commander";
import type { LogoutOptions } from "../acts/logout.ts";
import { addExamples } from "../command.ts";
import { serverOption } from "../server-options.ts";

export function define(command: Command): void {
  command
    .description(
      "Forgets the token that `holdfast login` has kept for a server. The session itself ends at its time.",
    )
    .addOption(serverOption())
    .option("--json", "print the result as JSON")
    .action(async (options: LogoutOptions) => {
      const { runLogout } = await import("../acts/logout.ts");
      await runLogout(options);
    });
  addExamples(command, [["holdfast logout --server https://backups.example.org", "of that server"]]);
}
