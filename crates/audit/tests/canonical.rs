//! The canonical encoding: a pinned vector, and no two events with the same bytes.
#![allow(clippy::unwrap_used, reason = "a suite stops at what it did not expect")]

use cloister_audit::{
    ActionCode, Actor, ClearPart, Event, EventContext, EventDraft, Log, Moment, Outcome, SealedPart, Term,
    canonical, leaf, leaf_hash,
};
use cloister_kernel::{
    EventId, Failure, FailureKind, JobId, MachineClientId, OperatorId, PatientId, Phi, Pii, RequestId,
    SessionId, TenantId, UserId,
};
use proptest::{option, prelude::*, sample};
use time::macros::datetime;
use uuid::Uuid;

fn uuid(last: u8) -> Uuid {
    let mut bytes = *Uuid::nil().as_bytes();
    bytes[15] = last;
    Uuid::from_bytes(bytes)
}

fn event() -> Event {
    EventDraft::success(ActionCode::RecordRead)
        .on("record", Some(uuid(4)))
        .of_patient(PatientId::from_uuid(uuid(4)))
        .as_relation("panel")
        .explained(Phi::new("second opinion".to_owned()))
        .into_event(
            EventId::from_uuid(uuid(1)),
            EventContext {
                log: Log::Tenant(TenantId::from_uuid(uuid(2))),
                at: datetime!(2026-01-02 03:04:05.678_901_234 UTC),
                actor: Actor::User(UserId::from_uuid(uuid(3))),
                session_id: Some(SessionId::from_uuid(uuid(5))),
                request_id: RequestId::from_uuid(uuid(6)),
                source: Some(Pii::new([192, 0, 2, 7].into())),
                user_agent: Some(Pii::new("Browser/1".to_owned())),
            },
        )
}

/// Written by hand from the table in the module's documentation.
const PINNED: &[&str] = &[
    "01",
    "01 00000010 00000000000000000000000000000001",
    "01 00000006 74656e616e74",
    "01 00000010 00000000000000000000000000000002",
    "01 00000008 0006475ef6574f35",
    "01 00000004 75736572",
    "01 00000010 00000000000000000000000000000003",
    "01 0000000b 7265636f72642e72656164",
    "01 00000006 7265636f7264",
    "01 00000010 00000000000000000000000000000004",
    "01 00000010 00000000000000000000000000000004",
    "01 00000007 73756363657373",
    "01 00000005 70616e656c",
    "00",
    "01 00000010 00000000000000000000000000000005",
    "01 00000010 00000000000000000000000000000006",
];

#[test]
fn version_1_is_these_bytes_for_ever() {
    assert_eq!(hex::encode(canonical(&event())), PINNED.concat().replace(' ', ""));
}

#[test]
fn the_leaf_hash_is_sha_256_of_a_zero_byte_and_both_parts_with_their_lengths() {
    assert_eq!(leaf(b"clear", b"ct"), b"\0\0\0\x05clear\0\0\0\x02ct");
    // printf '\0\0\0\0\5clear\0\0\0\2ct' | sha256sum
    assert_eq!(
        hex::encode(leaf_hash(b"clear", b"ct").0),
        "35c06b01bfae4c3372600a39efcc07c639832ddb40c53ee2a937f89e380aa841"
    );
    assert_ne!(leaf_hash(b"clear", b"ct"), leaf_hash(b"clearc", b"t"));
}

#[test]
fn what_is_finer_than_a_microsecond_is_dropped_before_it_is_encoded() {
    let at = event().clear.at;
    assert_eq!(at.date_time(), datetime!(2026-01-02 03:04:05.678_901 UTC));
    assert_eq!(Moment::from(datetime!(1969-12-31 23:59:59.999_999_9 UTC)).microseconds(), -1);
}

#[test]
fn the_required_fields_of_the_log_are_all_there() {
    let Event { clear, sealed } = event();
    assert_eq!(clear.actor.id(), Some(uuid(3)), "user_id");
    assert_eq!(clear.action.as_str(), "record.read", "action");
    assert_eq!(clear.resource_type, Some(Term::from("record")), "resource_type");
    assert_eq!(clear.resource_id, Some(uuid(4)), "resource_id");
    assert_eq!(clear.at.microseconds(), 1_767_323_045_678_901, "timestamp");
    assert_eq!(clear.outcome, Outcome::Success, "outcome");
    assert_eq!(clear.patient_id, Some(PatientId::from_uuid(uuid(4))), "patient identifier");
    assert_eq!(clear.request_id, RequestId::from_uuid(uuid(6)), "request context");
    assert_eq!(clear.log.tenant(), Some(TenantId::from_uuid(uuid(2))), "tenant");
    assert_eq!(clear.session_id, Some(SessionId::from_uuid(uuid(5))), "session id");
    assert_eq!(clear.relation, Some(Term::from("panel")), "decision");
    assert_eq!(sealed.source.map(Pii::into_exposed), Some([192, 0, 2, 7].into()), "source_ip");
    assert_eq!(sealed.user_agent.map(Pii::into_exposed), Some("Browser/1".to_owned()), "user_agent");
    let refused = EventDraft::refused(ActionCode::RecordRead, "not_allowed");
    assert_eq!((refused.outcome, refused.reason), (Outcome::Refused, Some(Term::from("not_allowed"))));
}

#[test]
fn an_outcome_is_read_back_from_its_row_and_no_other_word_is_one() {
    for outcome in [Outcome::Success, Outcome::Refused, Outcome::Failed] {
        assert_eq!(outcome.as_str().parse(), Ok(outcome));
    }
    for word in ["", "Success", "ok", "refused "] {
        assert_eq!(word.parse::<Outcome>(), Err(cloister_audit::TermError), "{word:?}");
    }
    let failed = EventDraft::failed(ActionCode::RecordRead, "key_service");
    assert_eq!((failed.outcome, failed.reason), (Outcome::Failed, Some(Term::from("key_service"))));
}

#[test]
fn an_unreadable_sealed_part_is_the_platforms_own_failure() {
    let error = SealedPart::decode(b"").unwrap_err();
    assert_eq!((error.code(), error.kind()), ("audit.sealed_part_unreadable", FailureKind::Internal));
}

#[test]
fn an_event_never_prints_what_will_be_sealed() {
    let printed = format!("{:?}", event());
    for secret in ["192.0.2.7", "Browser/1", "second opinion"] {
        assert!(!printed.contains(secret), "{printed}");
    }
}

// Few ids and few words, so that events often differ in one field only, or in which of two fields holds the value.
fn id() -> impl Strategy<Value = Uuid> {
    (0..3_u8).prop_map(uuid)
}

fn term() -> impl Strategy<Value = Term> {
    prop_oneof!["[ab.]{1,3}", "[a-z0-9_.-]{1,64}"].prop_map(|text| Term::parse(text).unwrap())
}

fn actor() -> impl Strategy<Value = Actor> {
    (0..6_u8, id()).prop_map(|(kind, id)| match kind {
        0 => Actor::User(UserId::from_uuid(id)),
        1 => Actor::Machine(MachineClientId::from_uuid(id)),
        2 => Actor::Job(JobId::from_uuid(id)),
        3 => Actor::Operator(OperatorId::from_uuid(id)),
        4 => Actor::CommandLine,
        _ => Actor::Anonymous,
    })
}

fn clear_part() -> impl Strategy<Value = ClearPart> {
    let who = (id(), option::of(id()), -2..2_i64, actor(), sample::select(ActionCode::ALL));
    let what = (option::of(term()), option::of(id()), option::of(id()), 0..3_u8);
    let why = (option::of(term()), option::of(term()), option::of(id()), id());
    (who, what, why).prop_map(|((event, log, at, actor, action), (kind, row, patient, outcome), why)| {
        ClearPart {
            id: EventId::from_uuid(event),
            log: log.map_or(Log::Platform, |tenant| Log::Tenant(TenantId::from_uuid(tenant))),
            at: Moment::from_microseconds(at),
            actor,
            action,
            resource_type: kind,
            resource_id: row,
            patient_id: patient.map(PatientId::from_uuid),
            outcome: [Outcome::Success, Outcome::Refused, Outcome::Failed][usize::from(outcome)],
            relation: why.0,
            reason: why.1,
            session_id: why.2.map(SessionId::from_uuid),
            request_id: RequestId::from_uuid(why.3),
        }
    })
}

/// One clear part with some fields taken from another, so that two parts differ in few fields or in none.
fn with_some_of(one: &ClearPart, other: &ClearPart, taken: [bool; 13]) -> ClearPart {
    fn pick<T: Clone>(taken: bool, one: &T, other: &T) -> T {
        if taken { other.clone() } else { one.clone() }
    }
    ClearPart {
        id: pick(taken[0], &one.id, &other.id),
        log: pick(taken[1], &one.log, &other.log),
        at: pick(taken[2], &one.at, &other.at),
        actor: pick(taken[3], &one.actor, &other.actor),
        action: pick(taken[4], &one.action, &other.action),
        resource_type: pick(taken[5], &one.resource_type, &other.resource_type),
        resource_id: pick(taken[6], &one.resource_id, &other.resource_id),
        patient_id: pick(taken[7], &one.patient_id, &other.patient_id),
        outcome: pick(taken[8], &one.outcome, &other.outcome),
        relation: pick(taken[9], &one.relation, &other.relation),
        reason: pick(taken[10], &one.reason, &other.reason),
        session_id: pick(taken[11], &one.session_id, &other.session_id),
        request_id: pick(taken[12], &one.request_id, &other.request_id),
    }
}

/// Cuts bytes into fifteen fields by the documentation alone.
fn fields(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
    assert_eq!(bytes[0], 1, "version");
    let mut rest = &bytes[1..];
    let mut fields = Vec::new();
    while let Some((&present, after)) = rest.split_first() {
        if present == 0 {
            fields.push(None);
            rest = after;
            continue;
        }
        assert_eq!(present, 1);
        let length = u32::from_be_bytes(after[..4].try_into().unwrap()) as usize;
        fields.push(Some(after[4..4 + length].to_vec()));
        rest = &after[4 + length..];
    }
    fields
}

fn texts(part: &ClearPart) -> Vec<Option<Vec<u8>>> {
    let bytes = |id: Uuid| Some(id.as_bytes().to_vec());
    let word = |term: &Option<Term>| term.as_ref().map(|term| term.as_str().as_bytes().to_vec());
    vec![
        bytes(part.id.uuid()),
        Some(part.log.kind().into()),
        part.log.tenant().and_then(|tenant| bytes(tenant.uuid())),
        Some(part.at.microseconds().to_be_bytes().to_vec()),
        Some(part.actor.kind().into()),
        part.actor.id().and_then(bytes),
        Some(part.action.as_str().into()),
        word(&part.resource_type),
        part.resource_id.and_then(bytes),
        part.patient_id.and_then(|patient| bytes(patient.uuid())),
        Some(part.outcome.as_str().into()),
        word(&part.relation),
        word(&part.reason),
        part.session_id.and_then(|session| bytes(session.uuid())),
        bytes(part.request_id.uuid()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn two_events_with_the_same_bytes_are_the_same_event(
        one in clear_part(),
        other in clear_part(),
        taken in any::<[bool; 13]>(),
        lone in 0..13_usize,
    ) {
        for fields in [taken, std::array::from_fn(|field| field == lone), [false; 13]] {
            let near = with_some_of(&one, &other, fields);
            prop_assert_eq!(one == near, one.canonical() == near.canonical());
        }
    }

    #[test]
    fn the_bytes_give_back_every_field(part in clear_part()) {
        prop_assert_eq!(fields(&part.canonical()), texts(&part));
    }

    #[test]
    fn moving_a_value_to_another_field_changes_the_bytes(part in clear_part()) {
        let mut moved = part.clone();
        std::mem::swap(&mut moved.relation, &mut moved.reason);
        std::mem::swap(&mut moved.resource_type, &mut moved.relation);
        prop_assert_eq!(part == moved, part.canonical() == moved.canonical());
    }

    #[test]
    fn two_leaves_with_the_same_bytes_have_the_same_parts(
        one in any::<(Vec<u8>, Vec<u8>)>(),
        cut in any::<sample::Index>(),
    ) {
        let joined = [one.0.as_slice(), &one.1].concat();
        let (clear, ciphertext) = joined.split_at(cut.index(joined.len() + 1));
        prop_assert_eq!(clear == one.0, leaf(clear, ciphertext) == leaf(&one.0, &one.1));
    }

    #[test]
    fn an_actor_is_read_back_from_its_row(actor in actor()) {
        prop_assert_eq!(Actor::from_row(actor.kind(), actor.id()), Some(actor));
        prop_assert_eq!(Actor::from_row(actor.kind(), actor.id().xor(Some(uuid(9)))), None);
    }

    #[test]
    fn a_sealed_part_is_read_back_as_it_was_written(
        source in option::of(any::<std::net::IpAddr>()),
        agent in option::of(".*"),
        text in option::of(".*"),
    ) {
        let part = SealedPart {
            source: source.map(Pii::new),
            user_agent: agent.clone().map(Pii::new),
            reason_text: text.clone().map(Phi::new),
        };
        let bytes = part.encode().into_exposed();
        let read = SealedPart::decode(&bytes).unwrap();
        prop_assert_eq!(read.source.map(Pii::into_exposed), source);
        prop_assert_eq!(read.user_agent.map(Pii::into_exposed), agent);
        prop_assert_eq!(read.reason_text.map(Phi::into_exposed), text);
        for end in 0..bytes.len() {
            prop_assert!(SealedPart::decode(&bytes[..end]).is_err());
        }
        prop_assert!(SealedPart::decode(&[bytes.as_slice(), b"\0"].concat()).is_err());
    }

    #[test]
    fn any_bytes_are_read_or_refused_without_a_panic(bytes in any::<Vec<u8>>()) {
        let _ = SealedPart::decode(&bytes);
    }
}
