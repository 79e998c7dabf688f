// How far a backup has been proved good: verifications that were made of it, and starting another.
import { useState, type SyntheticEvent } from "react";
import { Button, Form, Label, RadioGroup } from "react-aria-components";
import { useMutation } from "urql";
import { useConnection } from "../app/connection-context.tsx";
import type { BackupRun, VerificationRun } from "../graphql/fragments.ts";
import { Option } from "../parts/choice.tsx";
import { useEntityLabel } from "../parts/catalog.ts";
import { Failure, FailureNote } from "../parts/failure.tsx";
import { formatCount, formatRows } from "../parts/format.ts";
import { Age } from "../parts/moment.tsx";
import { RunProgress, VERIFICATION_PHASES } from "../parts/run-progress.tsx";
import { isOver, StatusTag } from "../parts/status-tag.tsx";
import { NO_UNLOCK, UnlockFields, unlockFault, unlockInput } from "../parts/unlock-fields.tsx";
import { CancelButton } from "./backup-actions.tsx";
import { START_VERIFICATION, type DetailedBackup, type DetailedVerification } from "./documents.ts";
import styles from "./verifications.module.css";

const LEVELS = [
  {
    level: "STORED",
    label: "Stored",
    note: "Every byte in every store is the one that was written. Needs no key.",
  },
  { level: "CONTENTS", label: "Contents", note: "All of it is decrypted, unpacked and counted." },
  {
    level: "DRILL",
    label: "Drill",
    note: "All of it is restored into a scratch database, and every row compared.",
  },
] as const;
type Level = (typeof LEVELS)[number]["level"];

export function Verifications({ backup }: { readonly backup: DetailedBackup }) {
  const { verifications } = backup;
  const [open, setOpen] = useState(false);
  return (
    <section className="stack" aria-labelledby="verifications">
      <div className="row apart">
        <h2 id="verifications">Verifications</h2>
        {!open && (
          <Button className="button" onPress={() => setOpen(true)}>
            Verify…
          </Button>
        )}
      </div>
      {open && <VerifyForm backup={backup} onDone={() => setOpen(false)} />}
      {verifications.length === 0 && !open && (
        <p className="muted">
          Nobody has verified it yet: that it was written is not that it can be restored.
        </p>
      )}
      {verifications.map((verification) => (
        <VerificationCard key={verification.id} verification={verification} />
      ))}
    </section>
  );
}

function VerifyForm({ backup, onDone }: { readonly backup: BackupRun; readonly onDone: () => void }) {
  const { refresh } = useConnection();
  const [level, setLevel] = useState<Level>(backup.encryption === "NONE" ? "CONTENTS" : "STORED");
  const [unlock, setUnlock] = useState(NO_UNLOCK);
  const [fault, setFault] = useState<string>();
  const [{ error, fetching }, start] = useMutation(START_VERIFICATION);
  const needsKey = level !== "STORED";
  const submit = async (event: SyntheticEvent): Promise<void> => {
    event.preventDefault();
    const wrong = needsKey ? unlockFault(backup.encryption, unlock) : undefined;
    setFault(wrong);
    if (wrong !== undefined) return;
    const { data } = await start({
      input: {
        backupId: backup.id,
        level,
        unlock: needsKey ? unlockInput(backup.encryption, unlock) : undefined,
      },
    });
    if (data === undefined) return;
    refresh(["backup"]);
    onDone();
  };
  return (
    <Form className="card" onSubmit={(event) => void submit(event)} validationBehavior="aria">
      <RadioGroup
        value={level}
        onChange={(value) => setLevel(LEVELS.find((one) => one.level === value)?.level ?? "STORED")}
        className="stack"
      >
        <Label>How deep</Label>
        <div className={styles["levels"]}>
          {LEVELS.map((one) => (
            <Option key={one.level} value={one.level} framed>
              {one.label}
              <span className={styles["note"]}>{one.note}</span>
            </Option>
          ))}
        </div>
      </RadioGroup>
      {needsKey && <UnlockFields encryption={backup.encryption} unlock={unlock} onChange={setUnlock} />}
      <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
      {error !== undefined && <Failure error={error} />}
      <div className="row">
        <Button type="submit" className="button primary" isPending={fetching}>
          Verify
        </Button>
        <Button className="button quiet" onPress={onDone}>
          Never mind
        </Button>
      </div>
    </Form>
  );
}

function VerificationCard({ verification }: { readonly verification: DetailedVerification }) {
  const { id, status, level, createdAt, requestedBy, note, error, verifiedStores, tables } = verification;
  const rows = tables.reduce((sum, { foundRows }) => sum + foundRows, 0);
  return (
    <div className="card stack">
      <div className="row apart">
        <span className="row">
          <strong>{LEVELS.find((one) => one.level === level)?.label ?? level}</strong>
          <StatusTag status={status} />
          {status === "SUCCEEDED" && tables.length > 0 && (
            <span className="muted">
              {formatRows(rows)} in {formatCount(tables.length)} tables
            </span>
          )}
        </span>
        <span className="muted">
          <Age at={createdAt} />
          {requestedBy !== null && ` by ${requestedBy}`}
        </span>
      </div>
      {!isOver(status) && (
        <>
          <RunProgress
            name="Verification"
            status={status}
            progress={verification.progress}
            phases={VERIFICATION_PHASES}
          />
          <div className="ends">
            <CancelButton id={id} />
          </div>
        </>
      )}
      {note !== null && <p className="note warn">{note}</p>}
      {error !== null && <FailureNote {...error} />}
      <Faults stores={verifiedStores} tables={tables} />
    </div>
  );
}

interface FaultsProps {
  readonly stores: VerificationRun["verifiedStores"];
  readonly tables: VerificationRun["tables"];
}

function Faults({ stores, tables }: FaultsProps) {
  const labelOf = useEntityLabel();
  const faults = [
    ...stores.flatMap(({ store, fault }) => (fault === null ? [] : [{ where: `Store ${store}`, fault }])),
    ...tables.flatMap(({ entity, table, fault }) =>
      fault === null ? [] : [{ where: `${labelOf(entity)}, ${table}`, fault }],
    ),
  ];
  if (faults.length === 0) return null;
  return (
    <ul className={styles["faults"]}>
      {faults.map(({ where, fault }) => (
        <li key={where} className="break">
          <strong>{where}:</strong> {fault}
        </li>
      ))}
    </ul>
  );
}
