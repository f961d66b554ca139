import { useState, type FormEvent } from "react";
import { answer } from "../api/client";
import type { ActivationIdentity } from "../api/types";
import { useClinic } from "../clinic/context";
import { birthDateOf, compactCode } from "../format/typed";
import { useText } from "../language/provider";
import { Button } from "../parts/button";
import { DateFields, type DateParts } from "../parts/date-fields";
import { Field } from "../parts/field";
import { ErrorSummary, useFormProblems, type FormMessage } from "../parts/form-problems";
import { usePageTitle } from "../parts/page";
import { useCloister } from "../shell/context";
import { activationOver, flowIsOver } from "./flow";

/** First step: what only the invited person knows. Patients give their birth date, staff the clinic code alone. */
export function IdentityStep({ token, onDone }: { token: string; onDone: (accepted: ActivationIdentity) => void }) {
  const t = useText();
  const clinic = useClinic();
  const { api } = useCloister();
  const problems = useFormProblems();
  const heading = usePageTitle(t("activate.identityTitle"));
  const [date, setDate] = useState<DateParts>({ year: "", month: "", day: "" });
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const isPatient = clinic.audience === "portal";

  const dateMessage = (): FormMessage[] => {
    if (!isPatient) return [];
    if (!date.year && !date.month && !date.day) return [{ field: "birth-date", text: t("field.required", { field: t("activate.birthDateField") }) }];
    return birthDateOf(date, new Date()) === null ? [{ field: "birth-date", text: t("field.dateNotReal", { field: t("activate.birthDate") }) }] : [];
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const typed = compactCode(code);
    const found = [...dateMessage(), ...(typed === "" ? [{ field: "clinic-code", text: t("field.required", { field: t("activate.clinicCodeField") }) }] : [])];
    if (found.length > 0) return problems.show(found);
    problems.clear();
    setBusy(true);
    const birthDate = isPatient ? birthDateOf(date, new Date()) : null;
    try {
      onDone(await answer(api.POST("/api/v1/activation/identity", { body: { token, clinic_code: typed, ...(birthDate ? { birth_date: birthDate } : {}) } })));
    } catch (failure) {
      problems.showFailure(failure, (problem) =>
        flowIsOver(problem) ? activationOver(t, clinic.name) : problem.code === "activation.refused" ? [{ field: isPatient ? "birth-date" : "clinic-code", text: t("activate.refused"), hint: t("activate.refusedHint") }] : null,
      );
    } finally {
      setBusy(false);
    }
  };

  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <ErrorSummary problems={problems} />
      <h1 ref={heading} tabIndex={-1}>
        {t("activate.identityTitle")}
      </h1>
      <p className="lead">{t("activate.identityText")}</p>
      {isPatient ? (
        <DateFields id="birth-date" legend={t("activate.birthDate")} hint={t("activate.birthDateHint")} value={date} onChange={setDate} error={problems.of("birth-date")} />
      ) : null}
      <Field id="clinic-code" label={t("activate.clinicCode")} hint={t("activate.clinicCodeHint", { clinic: clinic.name })} width="short" value={code} onChange={setCode} error={problems.of("clinic-code")} />
      <Button type="submit" busy={busy}>
        {t("app.continue")}
      </Button>
    </form>
  );
}
