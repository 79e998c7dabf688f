// holdfast restore: a backup's entities, or some of them, put back in one transaction.
import { Option, type Command } from "commander";
import type { RestoreOptions } from "../acts/restore.ts";
import { addExamples, type CommandContext } from "../command.ts";
import { ENTITY_FLAGS } from "../entity-flags.ts";
import { collectNames, collectRows } from "../options.ts";
import { addServerOptions, SERVER_GROUP } from "../server-options.ts";
import { addRestoringOptions, addSignatureOptions, addUnlockOptions } from "../shared-options.ts";

export function define(command: Command, { signal }: CommandContext): void {
  command
    .description(
      "Puts back what a backup holds: all of it, or the entities that are named. It knows by itself what kind of backup it " +
        "is and whether it is encrypted. On a terminal it shows first what would change, and asks. All of it is restored, in " +
        "one transaction, or nothing. It works on the database itself, and no server need run, unless a server is named: then that " +
        "restores a backup that it keeps, or a file of one group.",
    )
    .option("-i, --input <file>", "the backup; - is standard input")
    .addOption(
      new Option("--backup <id>", "a backup that the server keeps, instead of a file").helpGroup(
        SERVER_GROUP,
      ),
    );
  for (const [flag, , what] of ENTITY_FLAGS)
    command.addOption(new Option(`--${flag}`, what).helpGroup("Only these (any number of them):"));
  command.addOption(
    new Option("--entities <names>", "the same by names, with commas between them")
      .argParser(collectNames)
      .helpGroup("Only these (any number of them):"),
  );
  command.addOption(
    new Option(
      "--only <entity:row>",
      "of an entity only these rows, and what belongs to them: users:42, users:email=a@b.c, " +
        "templates:name=Welcome,locale=en (all of it holds); in double quotes what has a comma in it. May be repeated; " +
        "not with --mode replace",
    )
      .argParser(collectRows)
      .helpGroup("Only these (any number of them):"),
  );
  command.addOption(
    new Option(
      "--allow-untrusted",
      "restore also a backup that nothing vouches for; needs RESTORE_UNTRUSTED",
    ).helpGroup(SERVER_GROUP),
  );
  command.addOption(
    new Option(
      "--confirm-lock-out",
      "restore accounts also where that locks you out: a preview says whether it would",
    ).helpGroup(SERVER_GROUP),
  );
  addServerOptions(addUnlockOptions(addSignatureOptions(addRestoringOptions(command)))).action(
    async (options: RestoreOptions) => {
      const { runRestore } = await import("../acts/restore.ts");
      await runRestore(options, signal);
    },
  );
  addExamples(command, [
    ["holdfast restore --input backup.json", "everything that it holds"],
    [
      "holdfast restore --input backup.enc --users --groups",
      "asks for the passphrase; only users and groups",
    ],
    [
      "holdfast restore --input backup.enc --templates --dry-run",
      "says what would change, and changes nothing",
    ],
    ["holdfast restore --input backup.enc --only templates:name=Welcome", "one template with its versions"],
    ["holdfast restore --input backup.tar --mode replace --yes", "deletes what came after the backup"],
    ["ssh host cat backup.enc | holdfast restore --input - --passphrase-file secret", "from elsewhere"],
    [
      "holdfast restore --server https://backups.example.org --backup 72866ba3-... --templates",
      "at a server",
    ],
  ]);
}
