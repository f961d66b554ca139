import { useState, type FormEvent } from "react";
import { answer, Button, ErrorSummary, Field, Notice, StepUpCancelled, useCloister, useFormProblems, useStepUp, useText, type StaffMember } from "@cloister/ui";

/** Puts a patient on a clinician's panel, or takes the assignment back. */
export function AssignForm({ clinicians }: { clinicians: StaffMember[] }) {
  const t = useText();
  const { api } = useCloister();
  const withStepUp = useStepUp();
  const problems = useFormProblems();
  const [clinician, setClinician] = useState(clinicians[0]?.id ?? "");
  const [patient, setPatient] = useState("");
  const [done, setDone] = useState<"staff.assigned" | "staff.unassigned" | null>(null);

  const change = async (assign: boolean) => {
    setDone(null);
    if (patient.trim() === "") return problems.show([{ field: "assign-patient", text: t("field.required", { field: t("staff.patientReferenceField") }) }]);
    problems.clear();
    const params = { path: { patient_id: patient.trim(), user_id: clinician } };
    const path = "/api/v1/patients/{patient_id}/panel-members/{user_id}";
    try {
      await withStepUp(() => answer(assign ? api.PUT(path, { params }) : api.DELETE(path, { params })));
      setDone(assign ? "staff.assigned" : "staff.unassigned");
      setPatient("");
    } catch (failure) {
      if (!(failure instanceof StepUpCancelled)) {
        problems.showFailure(failure, ({ status }) =>
          [400, 404, 422].includes(status) ? [{ field: "assign-patient", text: t("field.check", { field: t("staff.patientReferenceField") }) }] : null,
        );
      }
    }
  };

  if (clinicians.length === 0) return null;
  return (
    <form
      className="card narrow"
      onSubmit={(event: FormEvent) => {
        event.preventDefault();
        void change(true);
      }}
      noValidate
    >
      <ErrorSummary problems={problems} />
      <h2>{t("staff.assignTitle")}</h2>
      <p>{t("staff.assignText")}</p>
      <div role="status">{done ? <Notice tone="good">{t(done)}</Notice> : null}</div>
      <div className="field">
        <label className="field-label" htmlFor="assign-clinician">
          {t("staff.clinicianLabel")}
        </label>
        <select id="assign-clinician" className="input" value={clinician} onChange={(event) => setClinician(event.target.value)}>
          {clinicians.map(({ id, display_name }) => (
            <option key={id} value={id}>
              {display_name}
            </option>
          ))}
        </select>
      </div>
      <Field id="assign-patient" label={t("staff.patientReference")} value={patient} onChange={setPatient} error={problems.of("assign-patient")} />
      <div className="button-row">
        <Button type="submit">{t("staff.assign")}</Button>
        <Button kind="secondary" onPress={() => void change(false)}>
          {t("staff.unassign")}
        </Button>
      </div>
    </form>
  );
}
