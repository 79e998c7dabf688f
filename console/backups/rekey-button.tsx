// Another passphrase, or other recipients, for a backup that is there: its rows are not written again.
import { useState } from "react";
import { Button } from "react-aria-components";
import { useMutation } from "urql";
import { announce } from "../app/announce.ts";
import { useConnection } from "../app/connection-context.tsx";
import type { BackupRun } from "../graphql/fragments.ts";
import { ConfirmDialog } from "../parts/confirm-dialog.tsx";
import {
  EncryptionFields,
  encryptionFault,
  encryptionInput,
  NO_ENCRYPTION,
  type Encryption,
} from "../parts/encryption-fields.tsx";
import { Failure } from "../parts/failure.tsx";
import { NO_UNLOCK, UnlockFields, unlockFault, unlockInput } from "../parts/unlock-fields.tsx";
import { REKEY_BACKUP } from "./documents.ts";

export function RekeyButton({ backup: { id, encryption } }: { readonly backup: BackupRun }) {
  const { refresh } = useConnection();
  const [open, setOpen] = useState(false);
  const [unlock, setUnlock] = useState(NO_UNLOCK);
  const [next, setNext] = useState<Encryption>({ ...NO_ENCRYPTION, kind: encryption });
  const [fault, setFault] = useState<string>();
  const [{ error, fetching }, rekey] = useMutation(REKEY_BACKUP);
  const close = (): void => {
    setOpen(false);
    setUnlock(NO_UNLOCK);
    setNext({ ...NO_ENCRYPTION, kind: encryption });
    setFault(undefined);
  };
  const confirm = async (): Promise<void> => {
    const wrong = unlockFault(encryption, unlock) ?? encryptionFault(next);
    setFault(wrong);
    const key = unlockInput(encryption, unlock);
    const input = encryptionInput(next);
    if (wrong !== undefined || key === undefined || input === undefined) return;
    const result = await rekey({ input: { id, unlock: key, encryption: input } });
    if (result.error !== undefined) return;
    refresh(["backup"]);
    announce("The backup has another key.");
    close();
  };
  return (
    <>
      <Button className="button" onPress={() => setOpen(true)}>
        Change key…
      </Button>
      <ConfirmDialog
        isOpen={open}
        title="Change the key?"
        deed="Change the key"
        pending={fetching}
        onClose={close}
        onConfirm={() => void confirm()}
      >
        <p>
          The old {encryption === "PASSPHRASE" ? "passphrase" : "identities"} open this copy no more. Copies
          that were taken away before are as they were.
        </p>
        <UnlockFields encryption={encryption} unlock={unlock} onChange={setUnlock} />
        <EncryptionFields value={next} onChange={setNext} required />
        <div role="alert">{fault !== undefined && <p className="note bad">{fault}</p>}</div>
        {error !== undefined && <Failure error={error} />}
      </ConfirmDialog>
    </>
  );
}
