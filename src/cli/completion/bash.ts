// The completion script for bash, from 3.2 on (macOS): no mapfile, no associative arrays.
import type { CompletedCommand, Value } from "./tree.ts";

export function bashCompletion(commands: readonly CompletedCommand[]): string {
  const steps = commands.filter(({ path }) => path.length > 0).map(({ path }) => stepTo(path));
  const values = commands.flatMap(({ path, options }) =>
    options.flatMap(({ flags, value }) => {
      if (value.kind === "none") return [];
      const patterns = flags.map((flag) => `"${path.join(" ")}:${flag}"`);
      return `    ${patterns.join("|")}) ${replyWith(value)}; return ;;`;
    }),
  );
  const lists = commands.map(({ path, commands, options, argument }) => {
    const words = [
      ...commands.map(({ name }) => name),
      ...(argument.kind === "choice" ? argument.choices : []),
      ...options.flatMap(({ flags }) => flags),
    ];
    return `    "${path.join(" ")}") ${replyWith({ kind: "choice", choices: words })} ;;`;
  });
  return `# bash completion for holdfast; in ~/.bashrc: source <(holdfast completion bash)
_holdfast_reply() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen "$@" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
_holdfast_files() {
  compopt -o filenames 2>/dev/null # missing before bash 4: directories then complete without their slash
  _holdfast_reply "$@"
}
_holdfast() {
  local previous=\${COMP_WORDS[COMP_CWORD-1]} path= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$path>$word" in
      ${steps.map((step) => `"${step}"`).join("|")}) path="\${path:+$path }$word" ;;
    esac
  done
  case "$path:$previous" in
${values.join("\n")}
  esac
  case "$path" in
${lists.join("\n")}
  esac
}
complete -F _holdfast holdfast
`;
}

/** How the script writes the step from a command to its child: `admin>backup`. */
function stepTo(path: readonly string[]): string {
  return `${path.slice(0, -1).join(" ")}>${path.at(-1)}`;
}

function replyWith(value: Exclude<Value, { kind: "none" }>): string {
  if (value.kind === "choice") return `_holdfast_reply -W $'${value.choices.join("\\n")}'`;
  return value.kind === "directory" ? "_holdfast_files -d" : "_holdfast_files -f";
}
