// A question before something that cannot be taken back.
import type { ReactNode } from "react";
import { Button, Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";

export interface ConfirmDialogProps {
  readonly isOpen: boolean;
  /** "Delete the backup?" */
  readonly title: string;
  /** What the button says: what it does. */
  readonly deed: string;
  readonly danger?: boolean;
  readonly isDisabled?: boolean;
  readonly pending?: boolean;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
  readonly children: ReactNode;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { isOpen, title, deed, danger = false, isDisabled, pending, onClose, onConfirm, children } = props;
  return (
    <ModalOverlay className="overlay" isOpen={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Modal className="modal">
        <Dialog role="alertdialog">
          <Heading slot="title">{title}</Heading>
          {children}
          <div className="ends">
            <Button className="button" onPress={onClose}>
              Never mind
            </Button>
            <Button
              className={danger ? "button primary danger" : "button primary"}
              isDisabled={isDisabled}
              isPending={pending}
              onPress={onConfirm}
            >
              {deed}
            </Button>
          </div>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
