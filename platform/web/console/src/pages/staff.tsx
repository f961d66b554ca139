import { useQuery } from "@tanstack/react-query";
import { answer, Answered, Page, useCloister, useText, type MessageId, type StaffMember } from "@cloister/ui";
import { useStaff } from "../queries";
import { AssignForm } from "./staff-assign";
import { InvitationList } from "./invitation-list";
import { roleWords } from "./role-words";
import { StaffInviteForm } from "./staff-invite";

const STATUS: Record<string, MessageId> = { active: "staff.active", suspended: "staff.suspended", invited: "staff.invited" };

/** Who works in the console, who is invited, and who sees which patient. */
export function Staff() {
  const t = useText();
  const { api, queries } = useCloister();
  const staff = useStaff();
  const invitations = useQuery({ queryKey: ["staff-invitations"], queryFn: () => answer(api.GET("/api/v1/staff-invitations")) });
  const reload = () => void queries.invalidateQueries({ queryKey: ["staff-invitations"] });
  return (
    <Page title={t("staff.title")}>
      <p className="lead">{t("staff.lead")}</p>
      <Answered query={staff}>
        {({ items }) => (
          <>
            <StaffTable members={items} />
            <div className="two-columns">
              <StaffInviteForm onInvited={reload} />
              <section>
                <h2>{t("staff.invitations")}</h2>
                <Answered query={invitations}>{(sent) => <InvitationList invitations={sent.items} forStaff onChanged={reload} />}</Answered>
              </section>
            </div>
            <AssignForm clinicians={items.filter(({ roles }) => roles.includes("clinician"))} />
          </>
        )}
      </Answered>
    </Page>
  );
}

function StaffTable({ members }: { members: StaffMember[] }) {
  const t = useText();
  return (
    <table className="table table-wrap panel-table">
      <caption className="visually-hidden">{t("staff.caption")}</caption>
      <thead>
        <tr>
          <th scope="col">{t("staff.name")}</th>
          <th scope="col">{t("staff.roles")}</th>
          <th scope="col">{t("staff.status")}</th>
        </tr>
      </thead>
      <tbody>
        {members.map((member) => (
          <tr key={member.id}>
            <th scope="row">{member.display_name}</th>
            <td>{member.roles.map((role) => roleWords(role, t)).join(", ")}</td>
            <td>{STATUS[member.status] ? t(STATUS[member.status]!) : member.status}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
