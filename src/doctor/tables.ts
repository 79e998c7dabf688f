// The tables of the catalog's entities in one database: whether backups and restores may do with them what they have to.
import type { Entity, TableName } from "../core/catalog.ts";
import { findTables } from "../postgres/introspect.ts";
import { describeTypes } from "../postgres/types.ts";
import {
  hiddenRows,
  mayWrite,
  readingShortfalls,
  sequenceShortfalls,
  unseenSequences,
  writingShortfalls,
  type Shortfall,
} from "../postgres/privileges.ts";
import type { Session } from "../postgres/session.ts";
import { surveyTables } from "../postgres/survey.ts";
import { fault, ok, warning, type Finding } from "./finding.ts";

/** Tables that are not there are found elsewhere. */
export async function checkPrivileges(
  area: string,
  session: Session,
  entities: readonly Entity[],
): Promise<Finding[]> {
  const named = entities.flatMap((entity) => entity.tables);
  const { tables } = await surveyTables(session, named);
  const names = tables.filter(({ kind }) => kind === "table").map(({ table }) => table);
  if (names.length === 0) return [];
  const reading = [...(await readingShortfalls(session, names)), ...(await hiddenRows(session, names))];
  const unseen = await unseenSequences(session, names);
  return [
    ...(reading.length === 0
      ? [ok(area, `its ${names.length} tables can be read`)]
      : reading.map((shortfall) => denied(area, shortfall))),
    ...(unseen === undefined ? [] : [warning(area, `the role ${unseen.what}`, `${unseen.mend};`)]),
    ...(await checkWriting(area, session, names, new Set(reading.map(({ mend }) => mend)))),
    ...(await checkExtensions(area, session, names)),
  ];
}

const denied = (area: string, { what, mend }: Shortfall): Finding =>
  fault(area, `the role ${what}`, `${mend};`);

/** @param told statements that have been printed already */
async function checkWriting(
  area: string,
  session: Session,
  names: readonly TableName[],
  told: ReadonlySet<string>,
): Promise<Finding[]> {
  if (!(await mayWrite(session, names)))
    return [
      {
        ...ok(area, "the role may read and not write: backups can be made, and nothing can be restored"),
        hint: "A role for restores is in docs/privileges.md.",
      },
    ];
  const writing = [
    ...(await writingShortfalls(session, names)),
    ...(await sequenceShortfalls(session, names)),
  ];
  if (writing.length > 0)
    return writing.filter(({ mend }) => !told.has(mend)).map((shortfall) => denied(area, shortfall));
  return [ok(area, "its tables can be restored")];
}

async function checkExtensions(
  area: string,
  session: Session,
  names: readonly TableName[],
): Promise<Finding[]> {
  const found = await findTables(session, names);
  const { extensions } = await describeTypes(
    session,
    found.map((table) => table.oid),
  );
  if (extensions.length === 0) return [];
  const list = extensions.map(({ name, version }) => `${name} ${version}`).join(", ");
  return [ok(area, `its tables need the extensions ${list}, also where they are restored`)];
}
