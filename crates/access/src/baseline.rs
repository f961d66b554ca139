//! The operators' floor: the widest policy that any clinic can have, and the one that it starts with.

use crate::{
    policy::{Effect, PolicyDocument, Rule},
    vocabulary::{ActionType, Relation, ResourceType, Role},
};

use ActionType::{Create, Decide, Delete, List, Read, Update};
use Relation::{OwnAccount, OwnRecord, Panel, SameTenant, Unrelated};
use ResourceType::{
    Account, Bundle, ClinicalResource, Invitation, LabResult, MachineClient, Message, PanelMember,
    QuarantineEntry, Record, Session, StaffInvitation, StaffMember,
};

/// Role, relation, types and actions of each allow rule.
const ALLOWED: &[(Role, Relation, &[ResourceType], &[ActionType])] = &[
    (Role::Patient, OwnRecord, &[Record, LabResult, ClinicalResource], &[Read, List]),
    (Role::Clinician, Panel, &[Record, LabResult, ClinicalResource], &[Read, List]),
    (Role::Clinician, Panel, &[ResourceType::Panel], &[List]),
    (Role::Clinician, Panel, &[Invitation], &[Create, List, Delete]),
    (Role::Clinician, Panel, &[QuarantineEntry], &[List, Decide]),
    (Role::Admin, SameTenant, &[StaffMember], &[Read, List]),
    (Role::Admin, SameTenant, &[StaffInvitation], &[Create, List, Delete]),
    (Role::Admin, SameTenant, &[MachineClient], &[Create, Read, List, Delete]),
    (Role::Admin, SameTenant, &[PanelMember], &[Create, List, Delete]),
    (Role::Admin, SameTenant, &[Invitation], &[List]),
    (Role::RecordsIntegration, SameTenant, &[Bundle], &[Create]),
    (Role::RecordsIntegration, SameTenant, &[ClinicalResource], &[Read]),
    (Role::Worker, SameTenant, &[Message], &[Read, List, Create, Update]),
    (Role::Worker, SameTenant, &[StaffInvitation], &[Create]),
];

/// Roles that people hold. Each may see and end its own sessions and see its own account.
const PEOPLE: [Role; 6] =
    [Role::Patient, Role::Proxy, Role::Clinician, Role::Billing, Role::Support, Role::Admin];

/// What whoever administers a clinic never reaches, even with a second role: an admin assigns panels, so an admin
/// who could also open charts could open every chart (requirements AUTHZ-3 and AUTHZ-8).
const CLOSED_TO_ADMINS: [ResourceType; 5] =
    [Record, LabResult, ClinicalResource, ResourceType::Panel, QuarantineEntry];

impl PolicyDocument {
    /// The operators' floor and every clinic's first policy.
    pub fn baseline() -> Self {
        let allow = |role, relation, resources: &[ResourceType], actions: &[ActionType]| Rule {
            effect: Effect::Allow,
            role,
            relations: vec![relation],
            resources: resources.to_vec(),
            actions: actions.to_vec(),
        };
        let mut rules: Vec<Rule> = ALLOWED
            .iter()
            .map(|&(role, relation, resources, actions)| allow(role, relation, resources, actions))
            .collect();
        for role in PEOPLE {
            rules.push(allow(role, OwnAccount, &[Session], &[List, Delete]));
            rules.push(allow(role, OwnAccount, &[Account], &[Read]));
        }
        rules.push(Rule {
            effect: Effect::Deny,
            role: Role::Admin,
            relations: vec![SameTenant, Unrelated],
            resources: CLOSED_TO_ADMINS.to_vec(),
            actions: ActionType::ALL.to_vec(),
        });
        Self { rules }
    }
}
