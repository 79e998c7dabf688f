// How a backup is to be encrypted: a passphrase typed twice, recipients, or not at all. For a new backup and for a new key.
import { useState } from "react";
import {
  Button,
  FieldError,
  Input,
  Label,
  RadioGroup,
  Text,
  TextArea,
  TextField,
} from "react-aria-components";
import type { EncryptionKind } from "../graphql/tada.ts";
import { Option } from "./choice.tsx";
import { copyText } from "./copy.ts";
import { judgePassphrase, makePassphrase } from "./passphrase.ts";
import styles from "./encryption-fields.module.css";

export interface Encryption {
  readonly kind: EncryptionKind;
  readonly passphrase: string;
  readonly again: string;
  /** One to a line, or with commas and spaces between them. */
  readonly recipients: string;
}

export const NO_ENCRYPTION: Encryption = { kind: "NONE", passphrase: "", again: "", recipients: "" };

/** As the server takes it; undefined for none. */
export function encryptionInput({ kind, passphrase, recipients }: Encryption) {
  if (kind === "PASSPHRASE") return { passphrase };
  if (kind === "RECIPIENTS") return { recipients: splitRecipients(recipients) };
  return undefined;
}

export function splitRecipients(text: string): string[] {
  return text.split(/[\s,;]+/).filter((part) => part !== "");
}

/** What keeps it from being used; undefined where nothing does. */
export function encryptionFault({ kind, passphrase, again, recipients }: Encryption): string | undefined {
  if (kind === "PASSPHRASE" && passphrase === "") return "Type a passphrase, or choose another encryption.";
  if (kind === "PASSPHRASE" && passphrase !== again) return "The two passphrases are not the same.";
  if (kind === "RECIPIENTS") {
    const given = splitRecipients(recipients);
    if (given.length === 0) return "Name at least one recipient, or choose another encryption.";
    const wrong = given.find((recipient) => !recipient.startsWith("age1"));
    if (wrong?.startsWith("AGE-SECRET-KEY-"))
      return "That is an identity: it stays with you. Give its recipient (age1…).";
    if (wrong !== undefined) return `A recipient begins with age1; “${wrong}” does not.`;
  }
  return undefined;
}

export interface EncryptionFieldsProps {
  readonly value: Encryption;
  readonly onChange: (value: Encryption) => void;
  /** Left out: not encrypting is one of the choices. */
  readonly required?: boolean;
}

const KINDS = [
  {
    kind: "PASSPHRASE",
    label: "With a passphrase",
    note: "Whoever knows it can open the backup; nobody else.",
  },
  { kind: "RECIPIENTS", label: "To age recipients", note: "Public keys: nothing secret is on this server." },
  { kind: "NONE", label: "Not at all", note: "Whoever has the file can read it." },
] as const;

export function EncryptionFields({ value, onChange, required = false }: EncryptionFieldsProps) {
  const set = (change: Partial<Encryption>): void => onChange({ ...value, ...change });
  return (
    <div className="stack">
      <RadioGroup
        value={value.kind}
        onChange={(kind) => set({ kind: KINDS.find((one) => one.kind === kind)?.kind ?? "NONE" })}
        className="stack"
      >
        <Label>Encryption</Label>
        <div className={styles["kinds"]}>
          {KINDS.filter(({ kind }) => !required || kind !== "NONE").map(({ kind, label, note }) => (
            <Option key={kind} value={kind} framed>
              {label}
              <span className={styles["note"]}>{note}</span>
            </Option>
          ))}
        </div>
      </RadioGroup>
      {value.kind === "PASSPHRASE" && <PassphraseFields value={value} set={set} />}
      {value.kind === "RECIPIENTS" && (
        <TextField value={value.recipients} onChange={(recipients) => set({ recipients })}>
          <Label>Recipients</Label>
          <TextArea rows={3} spellCheck={false} className="mono" placeholder="age1…" />
          <Text slot="description">
            One to a line. <code>age-keygen</code> makes a pair; keep the identity where this server is not.
          </Text>
        </TextField>
      )}
    </div>
  );
}

interface PassphraseFieldsProps {
  readonly value: Encryption;
  readonly set: (change: Partial<Encryption>) => void;
}

function PassphraseFields({ value: { passphrase, again }, set }: PassphraseFieldsProps) {
  const [shown, setShown] = useState(false);
  const [copied, setCopied] = useState(false);
  const strength = judgePassphrase(passphrase);
  const type = shown ? "text" : "password";
  return (
    <div className={styles["pair"]}>
      <TextField type={type} value={passphrase} onChange={(next) => set({ passphrase: next })}>
        <Label>Passphrase</Label>
        <Input autoComplete="new-password" spellCheck={false} />
        <Text slot="description">
          {passphrase === "" ? (
            "Without it the backup cannot be opened, by anybody: write it down."
          ) : (
            <span className={styles["strength"]}>
              <meter
                min={0}
                max={4}
                low={2}
                high={3}
                optimum={4}
                value={strength.score}
                aria-label="Strength"
              />
              {strength.word}
            </span>
          )}
        </Text>
      </TextField>
      <TextField
        type={type}
        value={again}
        onChange={(next) => set({ again: next })}
        isInvalid={again !== "" && again !== passphrase}
      >
        <Label>The same again</Label>
        <Input autoComplete="new-password" spellCheck={false} />
        <FieldError>Not the same yet.</FieldError>
        {again !== "" && again === passphrase && <Text slot="description">✓ The same.</Text>}
      </TextField>
      <div className="row">
        <Button
          className="button small"
          onPress={() => {
            const made = makePassphrase();
            set({ passphrase: made, again: made });
            setShown(true);
            setCopied(false);
          }}
        >
          Make one
        </Button>
        <Button
          className="button small quiet"
          onPress={() => setShown(!shown)}
          isDisabled={passphrase === ""}
        >
          {shown ? "Hide" : "Show"}
        </Button>
        <Button
          className="button small quiet"
          isDisabled={passphrase === ""}
          onPress={() => void copyText(passphrase).then(setCopied)}
        >
          {copied ? "Copied" : "Copy"}
        </Button>
      </div>
    </div>
  );
}
