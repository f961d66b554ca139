import { useState, type FormEvent } from "react";
import { answer } from "../api/client";
import type { Problem } from "../api/problem";
import type { ActivationIdentity } from "../api/types";
import { useClinic } from "../clinic/context";
import type { MessageId } from "../language/catalogue";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { ErrorSummary, useFormProblems, type FormMessage } from "../parts/form-problems";
import { usePageTitle } from "../parts/page";
import { PasswordField } from "../parts/password-field";
import { useCloister } from "../shell/context";
import { activationOver, flowIsOver } from "./flow";
import { DEFAULT_MIN_LENGTH, passwordRules } from "./password-rules";

const REFUSALS: Record<string, MessageId> = {
  "password.too_short": "activate.tooShort",
  "password.too_long": "activate.tooLong",
  "password.breached": "activate.breached",
  "password.context_word": "activate.contextWord",
  "password.composition": "activate.composition",
};

/** Second step: a password, with the rules that can be checked while typing. */
export function PasswordChoiceStep({ identity, onDone }: { identity: ActivationIdentity | null; onDone: () => void }) {
  const t = useText();
  const clinic = useClinic();
  const { api } = useCloister();
  const problems = useFormProblems();
  const heading = usePageTitle(t("activate.passwordTitle"));
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const minLength = identity?.min_length ?? DEFAULT_MIN_LENGTH;
  const email = identity?.email_hint;

  const refusals = (problem: Problem): FormMessage[] | null => {
    if (flowIsOver(problem)) return activationOver(t, clinic.name);
    const codes = [problem.code, ...problem.fields.map((entry) => entry.code)];
    const known = codes.flatMap((code) => (REFUSALS[code] ? [{ field: "new-password", text: t(REFUSALS[code]) }] : []));
    return known.length > 0 ? known : null;
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (password === "") return problems.show([{ field: "new-password", text: t("field.required", { field: t("activate.passwordNewField") }) }]);
    if (Array.from(password).length < minLength) return problems.show([{ field: "new-password", text: t("activate.tooShort") }]);
    problems.clear();
    setBusy(true);
    try {
      await answer(api.POST("/api/v1/activation/password", { body: { password } }));
      onDone();
    } catch (failure) {
      problems.showFailure(failure, refusals);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <ErrorSummary problems={problems} />
      <h1 ref={heading} tabIndex={-1}>
        {t("activate.passwordTitle")}
      </h1>
      <p className="lead">{email ? t("activate.passwordText", { email }) : t("activate.passwordTextPlain")}</p>
      <PasswordField id="new-password" label={t("activate.passwordNew")} autoComplete="new-password" value={password} onChange={setPassword} error={problems.of("new-password")} />
      <Rules password={password} minLength={minLength} contextName={clinic.name} />
      <Button type="submit" busy={busy}>
        {t("app.continue")}
      </Button>
    </form>
  );
}

const RULE_WORDS = { length: "activate.ruleLength", mix: "activate.ruleMix", context: "activate.ruleContext" } as const;

function Rules({ password, minLength, contextName }: { password: string; minLength: number; contextName: string }) {
  const t = useText();
  const count = Array.from(password).length;
  return (
    <ul className="rules">
      {passwordRules(password, minLength, contextName).map(({ id, met }) => (
        <li key={id} className={met ? "rule rule-met" : "rule"}>
          <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
            <circle cx="10" cy="10" r="9" />
            {met ? <path d="m5.5 10.5 3 3 6-7" /> : null}
          </svg>
          <span>
            {t(RULE_WORDS[id], { min: minLength, count })} <span className="visually-hidden">{t(met ? "activate.ruleMet" : "activate.ruleOpen")}</span>
          </span>
        </li>
      ))}
      <li className="rule rule-later">
        <svg viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
          <circle cx="10" cy="10" r="9" />
        </svg>
        <span>{t("activate.ruleBreach")}</span>
      </li>
    </ul>
  );
}
