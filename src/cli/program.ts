// Commander's program: which commands there are, how usage is answered, and what a process's exit code says.
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import type { CommandContext, CommandModule } from "./command.ts";
import { EXIT_USAGE, reportFailure, reportUsage } from "./failure.ts";
import { listenForInterrupts } from "./interrupt.ts";
import { paint } from "./terminal/paint.ts";

/** A command as the program knows it before its file is loaded: enough for the list in `holdfast --help`. */
interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly group: string;
  readonly load: () => Promise<CommandModule>;
}

const BACKUPS = "Backups:";
const KEPT = "What is kept in stores:";
const REMOTE = "Through a server:";
const SERVER = "Server:";
const OTHER = "Other:";

const COMMANDS: readonly CommandEntry[] = [
  {
    name: "backup",
    summary: "entities into one file",
    group: BACKUPS,
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "restore",
    summary: "put back what a backup holds, or some of it",
    group: BACKUPS,
    load: () => import("./commands/restore.ts"),
  },
  {
    name: "inspect",
    summary: "what a backup holds",
    group: BACKUPS,
    load: () => import("./commands/inspect.ts"),
  },
  {
    name: "verify",
    summary: "whether a backup is what was written",
    group: BACKUPS,
    load: () => import("./commands/verify.ts"),
  },
  {
    name: "rekey",
    summary: "another passphrase or other recipients for a backup",
    group: BACKUPS,
    load: () => import("./commands/rekey.ts"),
  },
  {
    name: "extract",
    summary: "a backup as plain files, for any other tool",
    group: BACKUPS,
    load: () => import("./commands/extract.ts"),
  },
  {
    name: "admin",
    summary: "a data directory, while no server runs on it",
    group: BACKUPS,
    load: () => import("./commands/admin.ts"),
  },
  {
    name: "login",
    summary: "sign in at a server, for later commands",
    group: REMOTE,
    load: () => import("./commands/login.ts"),
  },
  {
    name: "logout",
    summary: "forget that sign-in",
    group: REMOTE,
    load: () => import("./commands/logout.ts"),
  },
  {
    name: "backups",
    summary: "backups that are kept",
    group: KEPT,
    load: () => import("./commands/backups.ts"),
  },
  {
    name: "schedules",
    summary: "what is backed up by itself, and when",
    group: KEPT,
    load: () => import("./commands/schedules.ts"),
  },
  {
    name: "keys",
    summary: "the key that backups are signed with, and those that a server trusts",
    group: REMOTE,
    load: () => import("./commands/keys.ts"),
  },
  {
    name: "prune",
    summary: "delete the backups that no policy keeps",
    group: KEPT,
    load: () => import("./commands/prune.ts"),
  },
  {
    name: "restores",
    summary: "restores of what is kept",
    group: KEPT,
    load: () => import("./commands/restores.ts"),
  },
  {
    name: "stores",
    summary: "where backups are kept",
    group: KEPT,
    load: () => import("./commands/stores.ts"),
  },
  {
    name: "notices",
    summary: "what people were told, and whether it arrived",
    group: KEPT,
    load: () => import("./commands/notices.ts"),
  },
  {
    name: "tokens",
    summary: "personal access tokens, for scripts",
    group: REMOTE,
    load: () => import("./commands/tokens.ts"),
  },
  {
    name: "init",
    summary: "read a database, and write a configuration file for it",
    group: SERVER,
    load: () => import("./commands/init.ts"),
  },
  {
    name: "doctor",
    summary: "check what backups and restores need, and say what mends it",
    group: SERVER,
    load: () => import("./commands/doctor.ts"),
  },
  {
    name: "demo",
    summary: "the main job from start to end, on made-up data",
    group: SERVER,
    load: () => import("./commands/demo.ts"),
  },
  {
    name: "serve",
    summary: "the API and a worker",
    group: SERVER,
    load: () => import("./commands/serve.ts"),
  },
  {
    name: "worker",
    summary: "a worker alone; as many as you like, on as many hosts",
    group: SERVER,
    load: () => import("./commands/worker.ts"),
  },
  {
    name: "migrate",
    summary: "create or update Holdfast's own tables",
    group: SERVER,
    load: () => import("./commands/migrate.ts"),
  },
  {
    name: "completion",
    summary: "print a shell's completion script",
    group: OTHER,
    load: () => import("./commands/completion.ts"),
  },
];

/** `completion` describes every command, so it needs all of them. */
const NEEDS_EVERY_COMMAND = "completion";

/**
 * Runs one command line to its end.
 * @param args without node and script
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted (128 and the signal's number)
 */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const interrupts = listenForInterrupts();
  const program = await buildProgram(args, { signal: interrupts.signal });
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has printed what was asked for (help, version); `holdfast` alone gets the help as well, but as an error.
      if (error.code === "commander.help") return EXIT_USAGE;
      if (error.exitCode === 0) return 0;
      return reportUsage(error.message, commandFor(program, args));
    }
    return reportFailure(error, interrupts.exitCode);
  } finally {
    interrupts.close();
  }
}

/** The program with the commands that the arguments name loaded in full, and the others by their names alone. */
async function buildProgram(args: readonly string[], context: CommandContext): Promise<Command> {
  const program = new Command("holdfast")
    .description(
      "Backs up the named parts of a PostgreSQL application, and puts back exactly what is asked for.",
    )
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print a command's help")
    .commandsGroup(OTHER)
    .showHelpAfterError(false)
    .configureOutput({ outputError: () => {} })
    .configureHelp({
      helpWidth: Math.min(process.stdout.columns ?? 100, 100),
      styleTitle: (title) => paint(process.stdout, "bold", title),
    })
    .exitOverride();
  for (const { name, summary, group, load } of COMMANDS) {
    const command = program.command(name).summary(summary).helpGroup(group);
    if (args.includes(name) || args.includes(NEEDS_EVERY_COMMAND)) (await load()).define(command, context);
  }
  program.addHelpText(
    "after",
    `
Examples:
  $ holdfast demo                            watch a backup, a disaster and a restore in a minute
  $ holdfast serve                           the API at http://127.0.0.1:4000/graphql
  $ holdfast help serve                      all about one command`,
  );
  return program;
}

/** The deepest command that the arguments name, for a hint at its help. */
function commandFor(program: Command, args: readonly string[]): Command {
  let command = program;
  for (const argument of args) {
    const next = command.commands.find((candidate) => candidate.name() === argument);
    if (next === undefined) break;
    command = next;
  }
  return command;
}

function packageVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  if (typeof manifest === "object" && manifest !== null && "version" in manifest)
    return String(manifest.version);
  throw new Error("package.json has no version");
}
