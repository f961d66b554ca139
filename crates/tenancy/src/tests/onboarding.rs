use cloister_kernel::Failure;
use time::Duration;

use super::{
    fixture::{Fault, World, lakeside},
    on_both_databases,
};
use crate::{
    LEASE, OperatorCall, TenancyError,
    call::Author,
    idempotency::IdempotencyKey,
    new_tenant::NewTenantRequest,
    onboarding::{Onboarding, Reservation},
};

on_both_databases! {
    a_tenant_has_two_hosts_two_keys_and_a_data_key_for_every_purpose
    a_failure_at_any_call_to_the_key_service_leaves_nothing_and_can_be_repeated
    a_database_conflict_at_the_end_leaves_nothing
    a_process_that_dies_after_any_step_is_resumed_or_cleaned_up
    a_key_whose_making_was_not_recorded_is_found
    what_cannot_be_undone_now_is_undone_later
    one_key_is_one_request
    look_alikes_of_a_tenant_are_refused
    many_at_once_make_one
}

/// Calls to the key service in one onboarding: two keys made and set to rotate, six data keys.
const CALLS: usize = 10;

async fn a_tenant_has_two_hosts_two_keys_and_a_data_key_for_every_purpose(world: World) {
    let call = world.root().await;
    let events = world.event_count().await;
    let tenant = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
    assert_eq!(tenant.row.status.as_str(), "draft");
    assert_eq!(tenant.portal_host.unwrap().as_str(), "lakeside.clinics.example");
    assert_eq!(tenant.console_host.unwrap().as_str(), "lakeside-staff.clinics.example");
    let purposes: Vec<_> = tenant.keys.iter().map(|key| (key.of_log, key.purpose.as_str())).collect();
    let own = ["phi", "pii", "index", "credentials", "documents"].map(|purpose| (false, purpose));
    assert_eq!(purposes, [&own[..], &[(true, "log")]].concat());
    assert_eq!(world.keys.live().await, 2);
    assert_eq!(
        world.count("SELECT count(DISTINCT kms_key) FROM wrapped_keys WHERE owner LIKE 'tenant%'").await,
        2
    );
    assert_eq!(world.count("SELECT count(*) FROM onboarding_steps").await, 0);
    assert_eq!(world.events(events).await, ["operator tenant.created success"]);
    let stored = world.texts("SELECT name || branding || policy_hash FROM tenants").await.concat();
    assert!(!stored.contains("Ana") && stored.contains("#0b5563"));
}

async fn a_failure_at_any_call_to_the_key_service_leaves_nothing_and_can_be_repeated(world: World) {
    let call = world.root().await;
    for fault in [Fault::Before, Fault::After] {
        for at in 1..=CALLS {
            let events = world.event_count().await;
            world.keys.fail(at, at, fault);
            let error = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap_err();
            assert!(matches!(error, TenancyError::KeyService(_)), "{error:?} at call {at}");
            assert_eq!(world.leftovers().await, [], "{fault:?} call {at}");
            assert_eq!(
                world.events(events).await,
                [
                    "operator tenant.onboarding_undone success".to_owned(),
                    format!("operator tenant.created failed {}", error.code()),
                ],
                "{fault:?} call {at}"
            );
        }
    }
    world.keys.fail(CALLS + 1, usize::MAX, Fault::Before);
    world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
    assert_eq!(world.keys.calls(), CALLS, "the loop above has to cover every call");
    assert_eq!(world.keys.live().await, 2);
}

async fn a_database_conflict_at_the_end_leaves_nothing(world: World) {
    let call = world.root().await;
    let other = NewTenantRequest { slug: "riverside".into(), ..lakeside() };
    world.platform.create_tenant(&call, Some("k0"), other).await.unwrap();
    world.tamper("UPDATE hosts SET host = 'lakeside-staff.clinics.example' WHERE audience = 'console'").await;
    let error = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap_err();
    assert_eq!(error.code(), "store.conflict");
    assert_eq!(world.texts("SELECT slug FROM tenants").await, ["riverside"]);
    assert_eq!(world.count("SELECT count(*) FROM hosts").await, 2);
    assert_eq!(world.count("SELECT count(*) FROM wrapped_keys WHERE owner LIKE 'tenant%'").await, 6);
    assert_eq!(world.count("SELECT count(*) FROM onboarding_steps").await, 0);
    assert_eq!(world.count("SELECT count(*) FROM idempotency_records").await, 1);
    assert_eq!(world.keys.live().await, 2);
}

/// Does the first `steps` steps as a process that then dies.
async fn die_after(world: &World, call: &OperatorCall, steps: usize) -> Onboarding {
    let key = IdempotencyKey::parse(Some("k1")).unwrap();
    let request = lakeside().check().unwrap();
    let Reservation::Begin(onboarding) = world.platform.reserve(call, &key, &request).await.unwrap() else {
        panic!("made already")
    };
    for _ in 0..steps {
        assert!(world.platform.advance(Author::Operator(call), onboarding).await.unwrap().is_none());
    }
    onboarding
}

async fn a_process_that_dies_after_any_step_is_resumed_or_cleaned_up(world: World) {
    let call = world.root().await;
    for steps in 0..=2 {
        let dead = die_after(&world, &call, steps).await;
        let error = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap_err();
        assert_eq!(error.code(), "idempotency.in_progress");
        assert_eq!(
            world.platform.clean_up_onboardings(&world.facts).await.unwrap(),
            0,
            "the lease still holds"
        );
        assert_eq!(
            world.platform.read_tenant(&call, dead.tenant).await.unwrap_err().code(),
            "tenant.not_found"
        );

        world.clock.advance(LEASE + Duration::SECOND);
        assert_eq!(world.platform.clean_up_onboardings(&world.facts).await.unwrap(), 1);
        assert_eq!(world.leftovers().await, [], "cleaned up after {steps} steps");
        let late = world.platform.advance(Author::Operator(&call), dead).await.unwrap_err();
        assert!(matches!(late, TenancyError::LeaseLost), "{late:?}");
    }
    for steps in 0..=2 {
        let dead = die_after(&world, &call, steps).await;
        world.clock.advance(LEASE + Duration::SECOND);
        let tenant = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
        assert_eq!(tenant.row.id, dead.tenant, "the same onboarding went on");
        assert_eq!(world.keys.live().await, 2, "resumed after {steps} steps");
        assert_eq!(world.count("SELECT count(*) FROM tenants").await, 1);
        let late = world.platform.advance(Author::Operator(&call), dead).await.unwrap_err();
        assert!(matches!(late, TenancyError::LeaseLost), "{late:?}");
        erase(&world).await;
    }
}

/// Puts the database back to before the only tenant, and its keys to rest.
async fn erase(world: &World) {
    for key in world.texts("SELECT DISTINCT kms_key FROM wrapped_keys WHERE owner LIKE 'tenant%'").await {
        use cloister_vault::KeyIssuer;
        world.keys.inner.schedule_deletion(&cloister_vault::KmsKeyId::new(key), 7).await.unwrap();
    }
    for table in ["hosts", "idempotency_records", "tenants"] {
        world.tamper(&format!("DELETE FROM {table}")).await;
    }
    world.tamper("DELETE FROM wrapped_keys WHERE owner LIKE 'tenant%'").await;
}

async fn a_key_whose_making_was_not_recorded_is_found(world: World) {
    let call = world.root().await;
    for (steps, resumed) in [(0, false), (1, false), (0, true), (1, true)] {
        let dead = die_after(&world, &call, steps).await;
        world.keys.fail(1, 1, Fault::After);
        world.platform.advance(Author::Operator(&call), dead).await.unwrap_err();
        world.keys.heal();
        assert_eq!(world.keys.live().await, steps + 1, "one more than was recorded");
        world.clock.advance(LEASE + Duration::SECOND);
        if resumed {
            world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
            assert_eq!(world.keys.live().await, 2, "the key was found and used");
            erase(&world).await;
        } else {
            assert_eq!(world.platform.clean_up_onboardings(&world.facts).await.unwrap(), 1);
            assert_eq!(world.leftovers().await, []);
        }
    }
}

async fn what_cannot_be_undone_now_is_undone_later(world: World) {
    let call = world.root().await;
    world.keys.fail(4, usize::MAX, Fault::Before);
    world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap_err();
    assert_ne!(world.leftovers().await, [], "the key service is away, so the keys have to wait");
    world.clock.advance(LEASE + Duration::SECOND);
    assert_eq!(world.platform.clean_up_onboardings(&world.facts).await.unwrap(), 0, "still away");
    world.keys.heal();
    world.clock.advance(LEASE + Duration::SECOND);
    assert_eq!(world.platform.clean_up_onboardings(&world.facts).await.unwrap(), 1);
    assert_eq!(world.leftovers().await, []);
}

async fn one_key_is_one_request(world: World) {
    let call = world.root().await;
    let first = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
    let again = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
    assert_eq!(first.row.id, again.row.id);
    assert_eq!(world.keys.live().await, 2);
    let other = NewTenantRequest { slug: "riverside".into(), ..lakeside() };
    let error = world.platform.create_tenant(&call, Some("k1"), other.clone()).await.unwrap_err();
    assert_eq!(error.code(), "idempotency.key_reused");
    let error = world.platform.create_tenant(&call, Some("k2"), lakeside()).await.unwrap_err();
    assert_eq!(error.code(), "tenant.slug_taken");
    let error = world.platform.create_tenant(&call, None, lakeside()).await.unwrap_err();
    assert_eq!(error.details()[0].field, "Idempotency-Key");
    let somebody = world.operator("oscar@platform.example", &["tenants:write"]).await;
    world.platform.create_tenant(&somebody, Some("k1"), other).await.unwrap();
    assert_eq!(world.count("SELECT count(*) FROM tenants").await, 2, "keys of two operators are apart");
    assert_eq!(world.texts("SELECT idempotency_key FROM idempotency_records").await[0].len(), 64);
}

async fn look_alikes_of_a_tenant_are_refused(world: World) {
    let call = world.root().await;
    world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
    for (index, slug) in ["lakes1de", "lake-side", "1akeside", "l4keside"].into_iter().enumerate() {
        let request = NewTenantRequest { slug: slug.into(), ..lakeside() };
        let error =
            world.platform.create_tenant(&call, Some(&format!("x{index}")), request).await.unwrap_err();
        assert_eq!(error.code(), "tenant.slug_taken", "{slug}");
    }
    world
        .tamper(
            "INSERT INTO retired_slugs (slug_skeleton, slug, tenant_id, retired_at) \
             SELECT 'rlverslde', 'riverside', id, 0 FROM tenants",
        )
        .await;
    let request = NewTenantRequest { slug: "r1verside".into(), ..lakeside() };
    let error = world.platform.create_tenant(&call, Some("k3"), request).await.unwrap_err();
    assert_eq!(error.code(), "tenant.slug_taken", "a retired slug is never given again");
    assert_eq!(world.count("SELECT count(*) FROM tenants").await, 1);
}

async fn many_at_once_make_one(world: World) {
    let call = world.root().await;
    let mut tasks = Vec::new();
    for index in 0..12 {
        let (platform, call) = (world.platform.clone(), call.clone());
        // Half of them repeat one request, the others want the same slug for themselves.
        let key = if index % 2 == 0 { "same".to_owned() } else { format!("own-{index}") };
        tasks.push(tokio::spawn(async move { platform.create_tenant(&call, Some(&key), lakeside()).await }));
    }
    let mut made = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(tenant) => made.push(tenant.row.id),
            Err(error) => {
                assert!(["tenant.slug_taken", "idempotency.in_progress"].contains(&error.code()), "{error:?}")
            }
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1);
    assert_eq!(world.count("SELECT count(*) FROM tenants").await, 1);
    assert_eq!(world.keys.live().await, 2);
}
