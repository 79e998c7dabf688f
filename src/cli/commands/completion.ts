// holdfast completion: prints the script by which a shell completes holdfast's commands and options.
import { Argument, type Command } from "commander";
import { addExamples } from "../command.ts";
import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import { describeCommands } from "../completion/tree.ts";
import { zshCompletion } from "../completion/zsh.ts";

const SHELLS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

export function define(command: Command): void {
  command
    .description("Prints the script by which a shell completes holdfast's commands and options.")
    .addArgument(new Argument("<shell>", "whose script to print").choices(Object.keys(SHELLS)))
    .action((shell: keyof typeof SHELLS) => {
      const program = command.parent ?? command;
      process.stdout.write(SHELLS[shell](describeCommands(program)));
    });
  addExamples(command, [
    ["source <(holdfast completion bash)", "bash, now; put the line into ~/.bashrc for always"],
    ["source <(holdfast completion zsh)", "zsh, after compinit"],
    ["holdfast completion fish > ~/.config/fish/completions/holdfast.fish", "fish"],
  ]);
}
