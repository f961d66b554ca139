import { useState, type FormEvent } from "react";
import { useQuery } from "@tanstack/react-query";
import { answer, Answered, Button, ErrorSummary, Field, looksLikeEmail, StepUpCancelled, useCloister, useFormProblems, useStepUp, useText, type InvitationCreated, type PatientRecord } from "@cloister/ui";
import { Chart } from "./chart";
import { ClinicCode } from "./clinic-code";
import { InvitationList } from "./invitation-list";

/** Inviting a patient to the portal, and the invitations sent so far. */
export function ChartInvitations({ patientId }: { patientId: string }) {
  const t = useText();
  const { api, queries } = useCloister();
  const queryKey = ["invitations", patientId];
  const invitations = useQuery({ queryKey, queryFn: () => answer(api.GET("/api/v1/patients/{patient_id}/invitations", { params: { path: { patient_id: patientId } } })) });
  const reload = () => void queries.invalidateQueries({ queryKey });
  return (
    <Chart patientId={patientId}>
      {(record) => (
        <div className="two-columns">
          <InviteForm record={record} onInvited={reload} />
          <section>
            <h2>{t("invite.list")}</h2>
            <Answered query={invitations}>{({ items }) => <InvitationList invitations={items} onChanged={reload} />}</Answered>
          </section>
        </div>
      )}
    </Chart>
  );
}

function InviteForm({ record, onInvited }: { record: PatientRecord; onInvited: () => void }) {
  const t = useText();
  const { api } = useCloister();
  const withStepUp = useStepUp();
  const problems = useFormProblems();
  const [email, setEmail] = useState("");
  const [busy, setBusy] = useState(false);
  const [created, setCreated] = useState<InvitationCreated | null>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (email.trim() === "") return problems.show([{ field: "invite-email", text: t("field.required", { field: t("invite.emailField") }) }]);
    if (!looksLikeEmail(email.trim())) return problems.show([{ field: "invite-email", text: t("signIn.emailFormat") }]);
    problems.clear();
    setBusy(true);
    try {
      const call = () => answer(api.POST("/api/v1/patients/{patient_id}/invitations", { params: { path: { patient_id: record.patient_id } }, body: { email: email.trim() } }));
      setCreated(await withStepUp(call));
      setEmail("");
      onInvited();
    } catch (failure) {
      if (!(failure instanceof StepUpCancelled)) {
        problems.showFailure(failure, ({ code, fields }) => {
          if (code === "invitation.account_exists") return [{ field: "invite-email", text: t("invite.accountExists") }];
          return fields.some(({ field }) => field === "email") ? [{ field: "invite-email", text: t("signIn.emailFormat") }] : null;
        });
      }
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="card" onSubmit={(event) => void submit(event)} noValidate>
      <ErrorSummary problems={problems} />
      <h2>{t("invite.title")}</h2>
      <p>{t("invite.text", { name: record.name })}</p>
      <Field id="invite-email" type="email" inputMode="email" label={t("invite.email")} value={email} onChange={setEmail} error={problems.of("invite-email")} />
      <Button type="submit" busy={busy}>
        {t("invite.send")}
      </Button>
      {created ? <ClinicCode title={t("invite.createdTitle")} invitation={created} onDone={() => setCreated(null)} /> : null}
    </form>
  );
}
