// Typing the names of what is about to be replaced.
import { useState } from "react";
import {
  Button,
  Dialog,
  Heading,
  Input,
  Label,
  Modal,
  ModalOverlay,
  Text,
  TextField,
} from "react-aria-components";

export interface ReplaceDialogProps {
  readonly isOpen: boolean;
  readonly deed: string;
  readonly entities: readonly string[];
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}

/** REPLACE deletes what came later: nobody does that by pressing Enter once too often. */
export function ReplaceDialog({ isOpen, deed, entities, onClose, onConfirm }: ReplaceDialogProps) {
  const [typed, setTyped] = useState("");
  const names = typed
    .toUpperCase()
    .split(/[\s,]+/)
    .filter((name) => name !== "");
  const isRight = entities.every((name) => names.includes(name)) && names.length === entities.length;
  return (
    <ModalOverlay className="overlay" isOpen={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Modal className="modal">
        <Dialog role="alertdialog">
          <Heading slot="title">{deed}?</Heading>
          <p>
            Rows that are not in the backup are deleted. To go on, type{" "}
            {entities.length === 1 ? "the entity's name" : "the entities' names"}:{" "}
            <strong className="mono">{entities.join(", ")}</strong>
          </p>
          {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- the dialog is there to have this filled in */}
          <TextField value={typed} onChange={setTyped} autoFocus>
            <Label>{entities.length === 1 ? "Name of the entity" : "Names of the entities"}</Label>
            <Input autoComplete="off" autoCapitalize="characters" spellCheck={false} />
            <Text slot="description">
              {isRight
                ? "✓"
                : `${names.filter((name) => entities.includes(name)).length} of ${entities.length}`}
            </Text>
          </TextField>
          <div className="ends">
            <Button className="button" onPress={onClose}>
              Never mind
            </Button>
            <Button className="button primary danger" isDisabled={!isRight} onPress={onConfirm}>
              {deed}
            </Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
