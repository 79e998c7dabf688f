// The completion script for fish: one line for each thing that can be completed, with the command it belongs to.
import type { CompletedCommand } from "./tree.ts";

export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const steps = commands
    .filter(({ path }) => path.length > 0)
    .map(({ path }) => quote(`${path.slice(0, -1).join(" ")}>${path.at(-1)}`));
  return `# fish completion for holdfast; holdfast completion fish > ~/.config/fish/completions/holdfast.fish
function __holdfast_at --description 'whether the words so far name this command'
    set -l path ''
    for word in (commandline -opc)[2..]
        if contains -- "$path>$word" ${steps.join(" ")}
            set path (string trim -- "$path $word")
        end
    end
    test "$path" = "$argv[1]"
end
complete -c holdfast -f
${commands.flatMap(completionLines).join("\n")}
`;
}

function completionLines({ path, commands, options, argument }: CompletedCommand): string[] {
  const at = `complete -c holdfast -n ${quote(`__holdfast_at "${path.join(" ")}"`)}`;
  return [
    ...commands.map(({ name, summary }) => `${at} -a ${name} -d ${quote(summary)}`),
    ...(argument.kind === "choice" ? [`${at} -a ${quote(argument.choices.join(" "))}`] : []),
    ...options.map(({ flags, summary, value }) => {
      const names = flags.map((flag) =>
        flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
      );
      const following = {
        none: "",
        choice: value.kind === "choice" ? ` -x -a ${quote(value.choices.join(" "))}` : "",
        directory: " -x -a '(__fish_complete_directories)'",
        file: " -r -F",
      }[value.kind];
      return `${at} ${names.join(" ")}${following} -d ${quote(summary)}`;
    }),
  ];
}

function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
}
