// Making a schedule, or changing one: what, when, to whom it is encrypted, what stays.
import { useState, type SyntheticEvent } from "react";
import { Button, Form, Input, Label, Text, TextArea, TextField } from "react-aria-components";
import { useMutation, useQuery } from "urql";
import { Link, useLocation } from "wouter";
import { useConnection } from "../app/connection-context.tsx";
import type { Entity } from "../graphql/tada.ts";
import { useCatalog, type CatalogView } from "../parts/catalog.ts";
import { SingleTick } from "../parts/choice.tsx";
import { splitRecipients } from "../parts/encryption-fields.tsx";
import { EntityChoice } from "../parts/entity-choice.tsx";
import { backupOptions } from "../parts/entity-options.ts";
import { Failure } from "../parts/failure.tsx";
import { Loading } from "../parts/loading.tsx";
import { Page } from "../parts/page.tsx";
import { StoreChoice } from "../stores/store-choice.tsx";
import { CronField } from "./cron-field.tsx";
import { CREATE_SCHEDULE, SCHEDULES, UPDATE_SCHEDULE, type Schedule } from "./documents.ts";
import { RetentionFields, retentionInput, toDraft, type RetentionDraft } from "./retention-fields.tsx";
import { readCron } from "./times.ts";

export default function SchedulePage({ id }: { readonly id?: string }) {
  const { catalog, error: catalogError } = useCatalog();
  const [{ data, error, fetching }] = useQuery({ query: SCHEDULES });
  const schedule = data?.schedules.find((one) => one.id === id);
  const failure = catalogError ?? error;
  const waits = catalog === undefined || (id !== undefined && data === undefined);
  return (
    <Page
      title={id === undefined ? "New schedule" : (schedule?.name ?? "Schedule")}
      trail={<Link href="/schedules">Schedules</Link>}
    >
      {failure !== undefined && <Failure error={failure} />}
      {waits ? (
        failure === undefined && <Loading what="the schedule" />
      ) : id !== undefined && schedule === undefined ? (
        !fetching && <p>There is no such schedule.</p>
      ) : (
        <ScheduleForm key={schedule?.id} schedule={schedule} catalog={catalog} />
      )}
    </Page>
  );
}

interface Draft {
  readonly name: string;
  readonly cron: string;
  readonly timeZone: string;
  readonly drillCron: string;
  readonly entities: ReadonlySet<Entity>;
  readonly recipients: string;
  readonly stores: readonly string[] | undefined;
  readonly retention: RetentionDraft;
  readonly enabled: boolean;
}

function draftOf(schedule: Schedule | undefined, catalog: CatalogView): Draft {
  const byDefault = [...catalog.entities.values()].filter(({ optIn, readable }) => readable && !optIn);
  return {
    name: schedule?.name ?? "",
    cron: schedule?.cron ?? "30 2 * * *",
    timeZone: schedule?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    drillCron: schedule?.drillCron ?? "",
    entities: new Set(schedule?.entities ?? byDefault.map(({ name }) => name)),
    recipients: schedule?.recipients.join("\n") ?? "",
    stores: schedule?.stores,
    retention: toDraft(schedule?.retention ?? null),
    enabled: schedule?.enabled ?? true,
  };
}

interface ScheduleFormProps {
  readonly schedule: Schedule | undefined;
  readonly catalog: CatalogView;
}

function ScheduleForm({ schedule, catalog }: ScheduleFormProps) {
  const [, navigate] = useLocation();
  const { refresh } = useConnection();
  const [draft, setDraft] = useState(() => draftOf(schedule, catalog));
  const [entitiesTouched, setEntitiesTouched] = useState(false);
  const [fault, setFault] = useState<string>();
  const [creating, create] = useMutation(CREATE_SCHEDULE);
  const [updating, update] = useMutation(UPDATE_SCHEDULE);
  const set = (change: Partial<Draft>): void => setDraft({ ...draft, ...change });

  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    const wrong = faultOf(draft);
    setFault(wrong);
    if (wrong !== undefined) return;
    const input = {
      name: draft.name.trim(),
      cron: draft.cron.trim(),
      timeZone: draft.timeZone.trim(),
      drillCron: draft.drillCron.trim() === "" ? null : draft.drillCron.trim(),
      // Left as they were, groups of the schedule go on meaning all of their entities.
      entities: schedule !== undefined && !entitiesTouched ? undefined : [...draft.entities],
      recipients: splitRecipients(draft.recipients),
      stores: draft.stores && [...draft.stores],
      retention: retentionInput(draft.retention) ?? null,
      enabled: draft.enabled,
    };
    const { error } =
      schedule === undefined ? await create({ input }) : await update({ id: schedule.id, input });
    if (error !== undefined) return;
    refresh(["schedules"]);
    navigate("/schedules");
  };

  const error = creating.error ?? updating.error;
  return (
    <Form onSubmit={(event) => void submit(event)} validationBehavior="aria">
      <section className="card stack">
        <TextField value={draft.name} onChange={(name) => set({ name })}>
          <Label>Name</Label>
          <Input placeholder="nightly" />
        </TextField>
        <CronField
          cron={draft.cron}
          timeZone={draft.timeZone}
          onCron={(cron) => set({ cron })}
          onTimeZone={(timeZone) => set({ timeZone })}
        />
        <SingleTick isSelected={draft.enabled} onChange={(enabled) => set({ enabled })}>
          On: backups are made at these times
        </SingleTick>
      </section>
      <section className="card">
        <EntityChoice
          label="What to back up"
          options={backupOptions(catalog)}
          chosen={draft.entities}
          onChange={(entities) => {
            setEntitiesTouched(true);
            set({ entities });
          }}
        />
      </section>
      <section className="card stack">
        <TextField value={draft.recipients} onChange={(recipients) => set({ recipients })}>
          <Label>Recipients</Label>
          <TextArea rows={2} spellCheck={false} className="mono" placeholder="age1…" />
          <Text slot="description">
            Whose identities open the backups; one to a line. No secret has to rest on the server. Left empty,
            backups are not encrypted.
          </Text>
        </TextField>
        <StoreChoice chosen={draft.stores} onChange={(stores) => set({ stores })} />
      </section>
      <section className="card">
        <RetentionFields
          draft={draft.retention}
          timeZone={draft.timeZone}
          scheduleId={schedule?.id}
          onChange={(retention) => set({ retention })}
        />
      </section>
      <section className="card">
        <TextField value={draft.drillCron} onChange={(drillCron) => set({ drillCron })}>
          <Label>
            Drill <span className="muted">(if you like)</span>
          </Label>
          <Input className="mono" spellCheck={false} placeholder="0 5 * * 0" />
          <Text slot="description">
            {drillText(draft)} A drill restores the newest backup into a scratch database and compares every
            row.
          </Text>
        </TextField>
      </section>
      <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
      {error !== undefined && <Failure error={error} />}
      <div className="row">
        <Button type="submit" className="button primary" isPending={creating.fetching || updating.fetching}>
          {schedule === undefined ? "Make the schedule" : "Save"}
        </Button>
        <Link href="/schedules" className="button quiet">
          Never mind
        </Link>
      </div>
    </Form>
  );
}

function faultOf({ name, cron, timeZone, drillCron, entities, recipients }: Draft): string | undefined {
  if (name.trim() === "") return "Give the schedule a name.";
  const read = readCron(cron, timeZone);
  if (typeof read === "string") return `The times are not right: ${read}`;
  const drill = drillCron.trim() === "" ? undefined : readCron(drillCron, timeZone);
  if (typeof drill === "string") return `The drill's times are not right: ${drill}`;
  if (entities.size === 0) return "Choose at least one entity.";
  const wrong = splitRecipients(recipients).find((recipient) => !recipient.startsWith("age1"));
  return wrong === undefined ? undefined : `A recipient begins with age1; “${wrong}” does not.`;
}

function drillText({ drillCron, timeZone }: Draft): string {
  if (drillCron.trim() === "") return "Never by itself.";
  const read = readCron(drillCron, timeZone, 1);
  return typeof read === "string" ? read : `${read.sentence}.`;
}
