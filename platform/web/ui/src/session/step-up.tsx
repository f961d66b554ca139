import { createContext, useCallback, useContext, useMemo, useRef, useState, type FormEvent, type ReactNode } from "react";
import { answer } from "../api/client";
import { Problem } from "../api/problem";
import { compactCode } from "../format/typed";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { Dialog } from "../parts/dialog";
import { Field } from "../parts/field";
import { ErrorSummary, useFormProblems } from "../parts/form-problems";
import { useCloister } from "../shell/context";

/** The person closed the dialog; nothing was changed and nothing needs saying. */
export class StepUpCancelled extends Error {}

/** The action needs a fresh factor: said by the decision table, or by the session itself. */
const STEP_UP_CODES = ["access.step_up_required", "session.step_up_required"];

type WithStepUp = <T>(action: () => Promise<T>) => Promise<T>;
const StepUpContext = createContext<WithStepUp | null>(null);

interface Waiting {
  resolve: () => void;
  reject: (reason: StepUpCancelled) => void;
}

/** Runs actions that may need a fresh second factor: asks for it in a dialog when the server does, then tries once more. */
export function StepUpProvider({ children }: { children: ReactNode }) {
  const waiting = useRef<Waiting | null>(null);
  const [open, setOpen] = useState(false);
  const close = useCallback((confirmed: boolean) => {
    setOpen(false);
    if (confirmed) waiting.current?.resolve();
    else waiting.current?.reject(new StepUpCancelled());
    waiting.current = null;
  }, []);
  const withStepUp = useCallback<WithStepUp>(async (action) => {
    try {
      return await action();
    } catch (failure) {
      if (!(failure instanceof Problem) || !STEP_UP_CODES.includes(failure.code)) throw failure;
      await new Promise<void>((resolve, reject) => {
        waiting.current = { resolve, reject };
        setOpen(true);
      });
      return action();
    }
  }, []);
  const value = useMemo(() => withStepUp, [withStepUp]);
  return (
    <StepUpContext.Provider value={value}>
      {children}
      {open ? <StepUpDialog onClose={close} /> : null}
    </StepUpContext.Provider>
  );
}

export function useStepUp(): WithStepUp {
  const value = useContext(StepUpContext);
  if (!value) throw new Error("useStepUp needs a StepUpProvider");
  return value;
}

function StepUpDialog({ onClose }: { onClose: (confirmed: boolean) => void }) {
  const t = useText();
  const { api, session } = useCloister();
  const problems = useFormProblems();
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const typed = compactCode(code);
    if (!/^\d{6}$/.test(typed)) return problems.show([{ field: "step-up-code", text: t("signIn.codeDigits") }]);
    problems.clear();
    setBusy(true);
    try {
      session.accept(await answer(api.POST("/api/v1/session/step-up", { body: { code: typed } })));
      onClose(true);
    } catch (failure) {
      setCode("");
      problems.showFailure(failure, (problem) =>
        [400, 403, 422].includes(problem.status) ? [{ field: "step-up-code", text: t("signIn.refusedCode"), hint: t("signIn.refusedCodeHint") }] : null,
      );
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog title={t("stepUp.title")} isOpen onClose={() => onClose(false)}>
      <form onSubmit={(event) => void submit(event)} noValidate>
        <ErrorSummary problems={problems} />
        <p>{t("stepUp.text")}</p>
        <Field id="step-up-code" label={t("signIn.code")} hint={t("signIn.codeHint")} width="code" inputMode="numeric" autoComplete="one-time-code" value={code} onChange={setCode} error={problems.of("step-up-code")} />
        <div className="button-row">
          <Button type="submit" busy={busy}>
            {t("stepUp.confirm")}
          </Button>
          <Button kind="quiet" onPress={() => onClose(false)}>
            {t("app.cancel")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
