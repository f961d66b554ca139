import { useState } from "react";
import { Button, Dialog, ProblemNotice, StepUpCancelled, useStepUp, useText } from "@cloister/ui";

interface ConfirmationProps {
  title: string;
  text: string;
  confirm: string;
  danger?: boolean;
  action: () => Promise<unknown>;
  onClose: (done: boolean) => void;
}

/** Asks before something that cannot be taken back, does it, and tells if it failed. */
export function Confirmation({ title, text, confirm, danger = false, action, onClose }: ConfirmationProps) {
  const t = useText();
  const withStepUp = useStepUp();
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const run = async () => {
    setBusy(true);
    setFailure(null);
    try {
      await withStepUp(action);
      onClose(true);
    } catch (reason) {
      if (!(reason instanceof StepUpCancelled)) setFailure(reason);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} isOpen role="alertdialog" onClose={() => onClose(false)}>
      {failure ? <ProblemNotice failure={failure} /> : null}
      <p>{text}</p>
      <div className="button-row">
        <Button kind={danger ? "danger" : "primary"} busy={busy} onPress={() => void run()}>
          {confirm}
        </Button>
        <Button kind="quiet" onPress={() => onClose(false)} autoFocus>
          {t("app.cancel")}
        </Button>
      </div>
    </Dialog>
  );
}
