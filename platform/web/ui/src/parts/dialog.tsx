import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";

interface DialogProps {
  title: string;
  isOpen: boolean;
  /** Called for Escape; leave it out where the person must choose. */
  onClose?: () => void;
  role?: "dialog" | "alertdialog";
  children: ReactNode;
}

/** A modal dialog: focus is kept within and given back, the page behind is inert. */
export function Dialog({ title, isOpen, onClose, role = "dialog", children }: DialogProps) {
  return (
    <ModalOverlay className="overlay" isOpen={isOpen} isKeyboardDismissDisabled={!onClose} onOpenChange={(open) => (open ? undefined : onClose?.())}>
      <Modal className="modal">
        <AriaDialog role={role} className="dialog">
          <Heading slot="title">{title}</Heading>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
