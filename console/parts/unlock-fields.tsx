// What opens an encrypted backup: asked for as its encryption needs it, kept in the page alone.
import { Input, Label, Text, TextField } from "react-aria-components";
import type { EncryptionKind } from "../graphql/tada.ts";

export interface Unlock {
  readonly secret: string;
}

export const NO_UNLOCK: Unlock = { secret: "" };

/** As the server takes it; undefined where nothing is locked. */
export function unlockInput(encryption: EncryptionKind, { secret }: Unlock) {
  if (encryption === "PASSPHRASE") return { passphrase: secret };
  if (encryption === "RECIPIENTS") return { identity: secret.trim() };
  return undefined;
}

/** What is missing before the backup can be opened; undefined where nothing is. */
export function unlockFault(encryption: EncryptionKind, { secret }: Unlock): string | undefined {
  if (encryption === "NONE" || secret !== "") return undefined;
  return encryption === "PASSPHRASE"
    ? "Type the backup's passphrase."
    : "Give an identity that opens the backup.";
}

export interface UnlockFieldsProps {
  readonly encryption: EncryptionKind;
  readonly unlock: Unlock;
  readonly onChange: (unlock: Unlock) => void;
}

export function UnlockFields({ encryption, unlock: { secret }, onChange }: UnlockFieldsProps) {
  if (encryption === "NONE") return null;
  const isPassphrase = encryption === "PASSPHRASE";
  return (
    <TextField type="password" value={secret} onChange={(value) => onChange({ secret: value })}>
      <Label>{isPassphrase ? "Passphrase of the backup" : "Identity"}</Label>
      <Input
        autoComplete="off"
        spellCheck={false}
        placeholder={isPassphrase ? undefined : "AGE-SECRET-KEY-1…"}
      />
      <Text slot="description">
        {isPassphrase
          ? "Used for this alone; the server forgets it when the run has ended."
          : "Of one of the recipients that it was encrypted to. The server forgets it when the run has ended."}
      </Text>
    </TextField>
  );
}
