// The completion script for zsh: one function a command, in the terms of zsh's own _arguments and _describe.
import type { CompletedCommand, CompletedOption, Value } from "./tree.ts";

export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef holdfast
# zsh completion for holdfast; in ~/.zshrc, after compinit: source <(holdfast completion zsh)
${commands.map(commandFunction).join("\n")}
if [ "\${funcstack[1]}" = _holdfast ]; then _holdfast "$@"; else compdef _holdfast holdfast; fi
`;
}

function commandFunction({ path, commands, options, argument }: CompletedCommand): string {
  const specs = options.map(optionSpec);
  const body: string[] = [];
  if (commands.length > 0) {
    specs.push("'1: :->command'", "'*:: :->rest'");
    const children = commands.map(({ name, summary }) => quote(`${name}:${summary}`));
    const dispatch = commands.map(({ name }) => {
      const child = functionName([...path, name]);
      return `      ${name}) (( $+functions[${child}] )) && ${child} ;;`;
    });
    body.push(
      "  local line state",
      `  _arguments -C ${specs.join(" ")}`,
      "  case $state in",
      "    command)",
      `      local -a commands=(${children.join(" ")})`,
      "      _describe command commands ;;",
      "    rest) case $line[1] in",
      ...dispatch,
      "    esac ;;",
      "  esac",
    );
  } else {
    if (argument.kind !== "none") specs.push(quote(`1:argument:${action(argument)}`));
    body.push(`  _arguments ${specs.join(" ")}`);
  }
  return `${functionName(path)}() {\n${body.join("\n")}\n}`;
}

/** \`'(-h --help)'{-h,--help}'[print help]'\`, and \`:value:action\` where a value follows. */
function optionSpec({ flags, summary, value, repeatable }: CompletedOption): string {
  const described = `[${summary.replaceAll(/[[\]\\:]/g, String.raw`\$&`)}]`;
  const following = value.kind === "none" ? "" : `:value:${action(value)}`;
  if (repeatable) return flags.map((flag) => quote(`*${flag}${described}${following}`)).join(" ");
  const exclusive = `(${flags.join(" ")})`;
  return flags.map((flag) => quote(`${exclusive}${flag}${described}${following}`)).join(" ");
}

function action(value: Value): string {
  if (value.kind === "choice") return `(${value.choices.join(" ")})`;
  return value.kind === "directory" ? "_files -/" : "_files";
}

function functionName(path: readonly string[]): string {
  return ["_holdfast", ...path].join("__");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
