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
