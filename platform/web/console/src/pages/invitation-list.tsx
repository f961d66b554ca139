import { useState } from "react";
import { answer, Button, useCloister, useMoments, useText, type Invitation, type MessageId, type StaffInvitation } from "@cloister/ui";
import { Confirmation } from "./confirmation";

const STATUS: Record<Invitation["status"], MessageId> = { pending: "invite.pending", accepted: "invite.accepted", revoked: "invite.revoked", expired: "invite.expired", locked: "invite.locked" };

interface InvitationListProps {
  invitations: (Invitation | StaffInvitation)[];
  forStaff?: boolean;
  onChanged: () => void;
}

/** Invitations with their state; one that still waits can be revoked. */
export function InvitationList({ invitations, forStaff = false, onChanged }: InvitationListProps) {
  const t = useText();
  const moments = useMoments();
  const { api } = useCloister();
  const [revoking, setRevoking] = useState<{ id: string; email: string } | null>(null);
  if (invitations.length === 0) return <p>{t("invite.none")}</p>;
  return (
    <>
      <ul className="cards">
        {invitations.map((invitation) => (
          <li key={invitation.id} className="card session-card">
            <div>
              <p className="home-name">
                {"display_name" in invitation ? `${invitation.display_name} · ` : ""}
                {invitation.email_hint}
              </p>
              <p className="tag">{t(forStaff && invitation.status === "pending" ? "invite.pendingStaff" : STATUS[invitation.status])}</p>
              <p className="quiet">
                {t("invite.sent", { when: moments.instant(invitation.created_at) })}
                {invitation.status === "pending" ? ` · ${t("invite.until", { when: moments.instant(invitation.expires_at) })}` : ""}
              </p>
            </div>
            {invitation.status === "pending" || invitation.status === "locked" ? (
              <Button kind="secondary" aria-label={t("invite.revokeLabel", { email: invitation.email_hint })} onPress={() => setRevoking({ id: invitation.id, email: invitation.email_hint })}>
                {t("invite.revoke")}
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
      {revoking ? (
        <Confirmation
          title={t("invite.revokeTitle")}
          text={t("invite.revokeText", { email: revoking.email })}
          confirm={t("invite.revoke")}
          danger
          action={() => answer(api.DELETE(forStaff ? "/api/v1/staff-invitations/{id}" : "/api/v1/invitations/{id}", { params: { path: { id: revoking.id } } }))}
          onClose={(done) => {
            setRevoking(null);
            if (done) onChanged();
          }}
        />
      ) : null}
    </>
  );
}
