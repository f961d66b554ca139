import { useState, type FormEvent } from "react";
import { answer, Button, Checkbox, ErrorSummary, Field, looksLikeEmail, StepUpCancelled, useCloister, useFormProblems, useStepUp, useText, type FormMessage, type InvitationCreated } from "@cloister/ui";
import { ClinicCode } from "./clinic-code";
import { roleWords, STAFF_ROLES } from "./role-words";

/** Invites a colleague with the roles chosen; the server asks for a fresh code first. */
export function StaffInviteForm({ onInvited }: { onInvited: () => void }) {
  const t = useText();
  const { api } = useCloister();
  const withStepUp = useStepUp();
  const problems = useFormProblems();
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
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

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const found = missing();
    if (found.length > 0) return problems.show(found);
    problems.clear();
    setBusy(true);
    try {
      const body = { display_name: name.trim(), email: email.trim(), roles };
      const invitation = await withStepUp(() => answer(api.POST("/api/v1/staff-invitations", { body })));
      setCreated({ invitation, name: body.display_name });
      setName("");
      setEmail("");
      setRoles([]);
      onInvited();
    } catch (failure) {
      if (!(failure instanceof StepUpCancelled)) problems.showFailure(failure);
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
        {problems.of(`role-${STAFF_ROLES[0]}`) ? <p className="field-error">{t("staff.chooseRole")}</p> : null}
        {STAFF_ROLES.map((role) => (
          <Checkbox key={role} id={`role-${role}`} isSelected={roles.includes(role)} onChange={(on) => setRoles((was) => (on ? [...was, role] : was.filter((other) => other !== role)))}>
            {roleWords(role, t)}
          </Checkbox>
        ))}
      </fieldset>
      <Button type="submit" busy={busy}>
        {t("invite.send")}
      </Button>
      {created ? <ClinicCode title={t("staff.createdTitle", { name: created.name })} invitation={created.invitation} onDone={() => setCreated(null)} /> : null}
    </form>
  );
}
