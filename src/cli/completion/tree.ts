// What there is to complete, read off Commander's own commands: the shells' scripts are three ways to write it down.
import type { Argument, Command, Option } from "commander";

/** What follows an option, or stands as an argument. */
export type Value =
  | { readonly kind: "none" }
  | { readonly kind: "choice"; readonly choices: readonly string[] }
  | { readonly kind: "directory" }
  /** A file, or anything else that the shell may complete as it likes. */
  | { readonly kind: "file" };

export interface CompletedOption {
  /** `-h` and `--help`, whichever there are. */
  readonly flags: readonly string[];
  readonly summary: string;
  readonly value: Value;
  readonly repeatable: boolean;
}

export interface CompletedCommand {
  /** The names after `holdfast`: empty for the program itself. */
  readonly path: readonly string[];
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly CompletedOption[];
  /** The first argument's value. */
  readonly argument: Value;
}

/** The program and all its commands, parents before children. */
export function describeCommands(program: Command): CompletedCommand[] {
  return describe(program, []);
}

function describe(command: Command, path: readonly string[]): CompletedCommand[] {
  const help = command.createHelp();
  const commands = help
    .visibleCommands(command)
    .map((child) => ({ name: child.name(), summary: child.summary() || child.description() }));
  return [
    {
      path,
      commands,
      options: help.visibleOptions(command).map(describeOption),
      argument: describeArgument(command.registeredArguments[0]),
    },
    ...command.commands.flatMap((child) => describe(child, [...path, child.name()])),
  ];
}

function describeOption(option: Option): CompletedOption {
  return {
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    summary: option.description,
    value: describeValue(option.required || option.optional, option.argChoices, option.flags),
    repeatable: option.variadic,
  };
}

function describeArgument(argument: Argument | undefined): Value {
  if (argument === undefined) return { kind: "none" };
  return describeValue(true, argument.argChoices, `<${argument.name()}>`);
}

function describeValue(takesOne: boolean, choices: readonly string[] | undefined, written: string): Value {
  if (!takesOne) return { kind: "none" };
  if (choices !== undefined) return { kind: "choice", choices };
  return { kind: /<dir/.test(written) ? "directory" : "file" };
}
