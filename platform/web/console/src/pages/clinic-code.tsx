import { Button, CopyButton, Dialog, useMoments, useText, type InvitationCreated } from "@cloister/ui";

interface ClinicCodeProps {
  title: string;
  invitation: InvitationCreated;
  onDone: () => void;
}

/** Shows an invitation's clinic code, this once, with how to pass it on. */
export function ClinicCode({ title, invitation, onDone }: ClinicCodeProps) {
  const t = useText();
  const moments = useMoments();
  return (
    <Dialog title={title} isOpen role="alertdialog">
      <p className="clinic-code">
        <span className="visually-hidden">{t("invite.code")}</span> <code>{invitation.clinic_code}</code>
      </p>
      <p>{t("invite.createdText")}</p>
      <p className="quiet">{t("invite.expires", { when: moments.instant(invitation.expires_at) })}</p>
      <div className="button-row">
        <Button onPress={onDone} autoFocus>
          {t("invite.done")}
        </Button>
        <CopyButton text={invitation.clinic_code} />
      </div>
    </Dialog>
  );
}
