//! The table of "Key states of AWS KMS keys" for symmetric keys whose material AWS made: which operation a key's state
//! refuses, and by which error.

use cloister_vault::KeyState;

/// An operation of AWS KMS that the fake answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's")]
pub enum Operation {
    CancelKeyDeletion,
    CreateKey,
    Decrypt,
    DescribeKey,
    DisableKey,
    EnableKey,
    EnableKeyRotation,
    GenerateDataKey,
    GenerateDataKeyWithoutPlaintext,
    ListKeys,
    ListResourceTags,
    ScheduleKeyDeletion,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::CancelKeyDeletion,
        Self::CreateKey,
        Self::Decrypt,
        Self::DescribeKey,
        Self::DisableKey,
        Self::EnableKey,
        Self::EnableKeyRotation,
        Self::GenerateDataKey,
        Self::GenerateDataKeyWithoutPlaintext,
        Self::ListKeys,
        Self::ListResourceTags,
        Self::ScheduleKeyDeletion,
    ];

    /// AWS's name.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The operation of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operation| operation.name() == name)
    }
}

/// The error by which a key in this state refuses the operation; `None` when it does not.
pub fn refusal(operation: Operation, state: KeyState) -> Option<&'static str> {
    use KeyState as S;
    use Operation as O;
    const INVALID: Option<&str> = Some("KMSInvalidStateException");
    match (operation, state) {
        // These look at a key or at none, and never mind its state.
        (O::CreateKey | O::DescribeKey | O::ListKeys | O::ListResourceTags, _) => None,
        // Only a key on its way out can be called back.
        (O::CancelKeyDeletion, S::PendingDeletion | S::PendingReplicaDeletion) => None,
        (O::CancelKeyDeletion, _) => INVALID,
        (_, S::Enabled) => None,
        (O::Decrypt | O::GenerateDataKey | O::GenerateDataKeyWithoutPlaintext, S::Updating) => None,
        (
            O::Decrypt | O::GenerateDataKey | O::GenerateDataKeyWithoutPlaintext | O::EnableKeyRotation,
            S::Disabled,
        ) => Some("DisabledException"),
        (O::EnableKey | O::DisableKey | O::ScheduleKeyDeletion, S::Disabled) => None,
        // Only material that AWS made, and holds itself, can be rotated by it.
        (O::EnableKeyRotation, S::PendingImport | S::Unavailable) => Some("UnsupportedOperationException"),
        (O::ScheduleKeyDeletion, S::PendingImport | S::Unavailable) => None,
        _ => INVALID,
    }
}
