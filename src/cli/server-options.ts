// Options that say which server a command works through. The options alone: help loads nothing heavy.
import { Option, type Command } from "commander";
import { parseServer } from "./client/server-url.ts";

export interface ServerOptions {
  readonly server?: string;
  readonly token?: string;
  /** No server is to be asked. */
  readonly direct?: boolean;
}

/** Of commands that print what a server says. */
export interface ApiOptions extends ServerOptions {
  readonly json?: boolean;
}

export const SERVER_GROUP = "Through a server:";

export function addServerOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--direct",
        "work on the database itself, although HOLDFAST_SERVER or a sign-in names a server",
      ).helpGroup(SERVER_GROUP),
    )
    .addOption(serverOption().helpGroup(SERVER_GROUP))
    .addOption(
      new Option(
        "--token <token>",
        "a token for it (default: HOLDFAST_TOKEN, or what `holdfast login` keeps; others on this machine may see the " +
          "arguments of a process)",
      ).helpGroup(SERVER_GROUP),
    );
}

export function addApiOptions(command: Command): Command {
  return addServerOptions(command.option("--json", "print the result as JSON"));
}

export function serverOption(): Option {
  return new Option("--server <url>", "the server's address (default: HOLDFAST_SERVER)").argParser(
    parseServer,
  );
}
