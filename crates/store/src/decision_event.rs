//! The event that a decision leaves.

use cloister_access::{Action, ActionType, DenialReason, Denied, Permit, Resource, ResourceType};
use cloister_audit::{ActionCode, EventDraft};

/// The event of a granted permit.
pub(crate) fn allowed<A: Action, R: Resource>(permit: &Permit<A, R>) -> EventDraft {
    EventDraft::success(code(A::TYPE, R::TYPE))
        .on(R::TYPE.as_str(), permit.row())
        .of_patient(permit.patient())
        .as_relation(permit.relation().as_str())
}

/// The event of a refusal.
pub(crate) fn refused(denied: &Denied) -> EventDraft {
    let code = match denied.reason {
        DenialReason::StepUpRequired => ActionCode::SessionStepUpChallenged,
        _ => code(denied.action, denied.resource),
    };
    EventDraft::refused(code, denied.reason.as_str())
        .on(denied.resource.as_str(), denied.row)
        .of_patient(denied.patient)
        .as_relation(denied.relation.as_str())
}

/// What it is called to do this to such a thing.
pub(crate) const fn code(action: ActionType, resource: ResourceType) -> ActionCode {
    use ActionCode as C;
    use ActionType as A;
    use ResourceType as R;
    match (resource, action) {
        (R::Record, A::Read) => C::RecordRead,
        (R::Record, A::List) => C::RecordListed,
        (R::LabResult, A::Read) => C::ResultRead,
        (R::LabResult, A::List) => C::ResultListed,
        (R::ClinicalResource, A::Read) => C::ResourceRead,
        (R::ClinicalResource, A::List) => C::ResourceListed,
        (R::ClinicalResource, A::Create) => C::ResourceCreated,
        (R::ClinicalResource, A::Update) => C::ResourceUpdated,
        (R::ClinicalResource, A::Delete) => C::ResourceDeleted,
        (R::Panel, A::Read | A::List) => C::PanelListed,
        (R::PanelMember, A::Create) => C::PanelMemberAssigned,
        (R::PanelMember, A::Delete) => C::PanelMemberUnassigned,
        (R::PanelMember, A::Read | A::List) => C::PanelMemberListed,
        (R::Invitation, A::Create) => C::InvitationCreated,
        (R::Invitation, A::Delete) => C::InvitationRevoked,
        (R::Invitation, A::Read | A::List) => C::InvitationListed,
        (R::StaffMember, A::Read) => C::StaffRead,
        (R::StaffMember, A::List) => C::StaffListed,
        (R::StaffInvitation, A::Create) => C::StaffInvited,
        (R::StaffInvitation, A::Delete) => C::StaffInvitationRevoked,
        (R::StaffInvitation, A::Read | A::List) => C::StaffInvitationListed,
        (R::MachineClient, A::Create) => C::MachineClientRegistered,
        (R::MachineClient, A::Delete) => C::MachineClientRemoved,
        (R::MachineClient, A::Read) => C::MachineClientRead,
        (R::MachineClient, A::List) => C::MachineClientListed,
        (R::Bundle, A::Create) => C::BundleIngested,
        (R::QuarantineEntry, A::Decide) => C::QuarantineDecided,
        (R::QuarantineEntry, A::Read | A::List) => C::QuarantineListed,
        (R::Session, A::Read | A::List) => C::SessionListed,
        (R::Session, A::Delete) => C::SessionRevoked,
        (R::Account, A::Read) => C::AccountRead,
        (R::Message, A::Create) => C::MessageQueued,
        _ => C::AuthorizationDecided,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that is not `authorization.decided`.
    const NAMED: &str = "\
record read: record.read
record list: record.list
lab_result read: result.read
lab_result list: result.list
clinical_resource read: resource.read
clinical_resource list: resource.list
clinical_resource create: resource.created
clinical_resource update: resource.updated
clinical_resource delete: resource.deleted
panel read: panel.list
panel list: panel.list
panel_member read: panel_member.list
panel_member list: panel_member.list
panel_member create: panel_member.assigned
panel_member delete: panel_member.unassigned
invitation read: invitation.list
invitation list: invitation.list
invitation create: invitation.created
invitation delete: invitation.revoked
staff_member read: staff.read
staff_member list: staff.list
staff_invitation read: staff.invitation_list
staff_invitation list: staff.invitation_list
staff_invitation create: staff.invited
staff_invitation delete: staff.invitation_revoked
machine_client read: machine_client.read
machine_client list: machine_client.list
machine_client create: machine_client.registered
machine_client delete: machine_client.removed
bundle create: bundle.ingested
quarantine_entry read: quarantine.list
quarantine_entry list: quarantine.list
quarantine_entry decide: quarantine.decided
session read: session.list
session list: session.list
session delete: session.revoked
account read: account.read
message create: message.queued
";

    #[test]
    fn what_is_decided_has_a_name_of_its_own_in_the_log() {
        let mut named = String::new();
        for resource in ResourceType::ALL {
            for action in ActionType::ALL {
                let code = code(*action, *resource);
                if code != ActionCode::AuthorizationDecided {
                    named += &format!("{} {}: {}\n", resource.as_str(), action.as_str(), code.as_str());
                }
            }
        }
        assert_eq!(named, NAMED);
    }
}
