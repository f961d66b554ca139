import { useState, type FormEvent } from "react";
import { answer, Button, Checkbox, ErrorSummary, Field, looksLikeEmail, StepUpCancelled, useCloister, useFormProblems, useStepUp, useText, type FormMessage, type InvitationCreated, type MessageId, type Problem } from "@cloister/ui";
import { ClinicCode } from "./clinic-code";
import { roleWords, STAFF_ROLES } from "./role-words";

/** Where a field that the server refuses stands in the form. */
const FIELDS: Record<string, { id: string; words: MessageId; name: MessageId }> = {
  email: { id: "staff-email", words: "signIn.emailFormat", name: "staff.emailField" },
  display_name: { id: "staff-name", words: "field.check", name: "staff.displayNameField" },
  practitioner_identifier: { id: "staff-practitioner", words: "staff.practitionerCheck", name: "staff.practitioner" },
};

/** Invites a colleague with the roles chosen; the server asks for a fresh code first. */
export function StaffInviteForm({ onInvited }: { onInvited: () => void }) {
  const t = useText();
  const { api } = useCloister();
  const withStepUp = useStepUp();
  const problems = useFormProblems();
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [practitioner, setPractitioner] = useState("");
  const [roles, setRoles] = useState<string[]>([]);
  const [busy, setBusy] = useState(false);
  const [created, setCreated] = useState<{ invitation: InvitationCreated; name: string } | null>(null);

  const missing = (): FormMessage[] => [
    ...(name.trim() === "" ? [{ field: "staff-name", text: t("field.required", { field: t("staff.displayNameField") }) }] : []),
    ...(email.trim() === ""
      ? [{ field: "staff-email", text: t("field.required", { field: t("staff.emailField") }) }]
      : looksLikeEmail(email.trim())
        ? []
        : [{ field: "staff-email", text: t("signIn.emailFormat") }]),
    ...(roles.length === 0 ? [{ field: `role-${STAFF_ROLES[0]}`, text: t("staff.chooseRole") }] : []),
  ];

  const refusals = ({ code, fields }: Problem): FormMessage[] | null => {
    if (code === "invitation.account_exists") return [{ field: "staff-email", text: t("invite.accountExists") }];
    if (code === "invitation.owner_only") return [{ field: `role-${STAFF_ROLES[0]}`, text: t("invite.ownerOnly") }];
    const found = fields.flatMap(({ field }) => (FIELDS[field] ? [{ field: FIELDS[field].id, text: t(FIELDS[field].words, { field: t(FIELDS[field].name) }) }] : []));
    return found.length > 0 ? found : null;
  };

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const found = missing();
    if (found.length > 0) return problems.show(found);
    problems.clear();
    setBusy(true);
    try {
      const body = { display_name: name.trim(), email: email.trim(), roles, ...(practitioner.trim() === "" ? {} : { practitioner_identifier: practitioner.trim() }) };
      const invitation = await withStepUp(() => answer(api.POST("/api/v1/staff-invitations", { body })));
      setCreated({ invitation, name: body.display_name });
      setName("");
      setEmail("");
      setPractitioner("");
      setRoles([]);
      onInvited();
    } catch (failure) {
      if (!(failure instanceof StepUpCancelled)) problems.showFailure(failure, refusals);
    } finally {
      setBusy(false);
    }
  };

  return (
    <form className="card" onSubmit={(event) => void submit(event)} noValidate>
      <ErrorSummary problems={problems} />
      <h2>{t("staff.inviteTitle")}</h2>
      <p>{t("staff.inviteText")}</p>
      <Field id="staff-name" label={t("staff.displayName")} value={name} onChange={setName} error={problems.of("staff-name")} />
      <Field id="staff-email" type="email" inputMode="email" label={t("staff.email")} value={email} onChange={setEmail} error={problems.of("staff-email")} />
      <fieldset className="field">
        <legend className="field-label">{t("staff.roles")}</legend>
        {problems.of(`role-${STAFF_ROLES[0]}`) ? <p className="field-error">{problems.of(`role-${STAFF_ROLES[0]}`)}</p> : null}
        {STAFF_ROLES.map((role) => (
          <Checkbox key={role} id={`role-${role}`} isSelected={roles.includes(role)} onChange={(on) => setRoles((was) => (on ? [...was, role] : was.filter((other) => other !== role)))}>
            {roleWords(role, t)}
          </Checkbox>
        ))}
      </fieldset>
      {roles.includes("clinician") ? (
        <Field id="staff-practitioner" label={t("staff.practitioner")} hint={t("staff.practitionerHint")} value={practitioner} onChange={setPractitioner} error={problems.of("staff-practitioner")} />
      ) : null}
      <Button type="submit" busy={busy}>
        {t("invite.send")}
      </Button>
      {created ? <ClinicCode title={t("staff.createdTitle", { name: created.name })} invitation={created.invitation} onDone={() => setCreated(null)} /> : null}
    </form>
  );
}
