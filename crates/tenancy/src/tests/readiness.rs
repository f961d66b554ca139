use cloister_kernel::{Failure, TenantId};
use cloister_vault::{KeyState, KmsKeyId};
use time::Duration;

use super::{
    fixture::{World, lakeside},
    on_both_databases,
};
use crate::{OperatorCall, TenancyError, baa::BaaRequest};

on_both_databases! {
    activation_names_each_missing_thing
    activation_refuses_keys_that_are_missing_or_not_usable
    an_owner_is_invited_by_a_sealed_job_and_never_an_operator
    every_operation_leaves_its_event_and_so_does_every_refusal
}

/// What the worker notes once the owner's account is there.
const OWNER_ACTIVE: &str = "UPDATE tenants SET owner_state = 'active'";

fn baa() -> BaaRequest {
    BaaRequest {
        signed_on: "2026-06-01".into(),
        expires_on: "2026-07-31".into(),
        counterparty: "Lakeside Family Medicine PLLC".into(),
        document_reference: "contracts/2026/lakeside.pdf".into(),
    }
}

async fn draft(world: &World) -> (OperatorCall, TenantId) {
    let call = world.root().await;
    let tenant = world.platform.create_tenant(&call, Some("k1"), lakeside()).await.unwrap();
    (call, tenant.row.id)
}

fn codes(error: &TenancyError) -> Vec<&'static str> {
    error.details().iter().map(|detail| detail.code).collect()
}

async fn activation_names_each_missing_thing(world: World) {
    let (call, id) = draft(&world).await;
    let platform = &world.platform;
    let error = platform.activate_tenant(&call, id).await.unwrap_err();
    assert_eq!(error.code(), "tenant.not_ready");
    assert_eq!(codes(&error), ["baa.missing", "owner.missing"]);

    let tenant = platform.record_baa(&call, id, baa()).await.unwrap();
    assert!(tenant.baa_current);
    assert_eq!(codes(&platform.activate_tenant(&call, id).await.unwrap_err()), ["owner.missing"]);
    platform.invite_owner(&call, id, "owner@lakeside.example", "Dr. Ana Lee").await.unwrap();
    assert_eq!(codes(&platform.activate_tenant(&call, id).await.unwrap_err()), ["owner.not_active"]);
    world.tamper(OWNER_ACTIVE).await;

    world.tamper("UPDATE tenants SET policy_hash = ''").await;
    assert_eq!(codes(&platform.activate_tenant(&call, id).await.unwrap_err()), ["policy.missing"]);
    world.tamper("UPDATE tenants SET policy_hash = 'x'").await;
    world.clock.advance(Duration::days(60));
    let call = world.root().await;
    assert_eq!(codes(&platform.activate_tenant(&call, id).await.unwrap_err()), ["baa.not_current"]);
    assert_eq!(world.texts("SELECT status FROM tenants").await, ["draft"]);

    let renewed = BaaRequest { expires_on: "2027-06-30".into(), ..baa() };
    platform.record_baa(&call, id, renewed).await.unwrap();
    let tenant = platform.activate_tenant(&call, id).await.unwrap();
    assert_eq!(tenant.row.status.as_str(), "active");
    let again = platform.activate_tenant(&call, id).await.unwrap();
    assert_eq!(again.row.activated_at, tenant.row.activated_at);
    assert_eq!(world.count("SELECT count(*) FROM baa_records").await, 2, "records are added, never changed");

    world.tamper("UPDATE tenants SET status = 'suspended'").await;
    let error = platform.activate_tenant(&call, id).await.unwrap_err();
    assert_eq!(error.code(), "tenant.wrong_state");
}

async fn activation_refuses_keys_that_are_missing_or_not_usable(world: World) {
    let (call, id) = draft(&world).await;
    let platform = &world.platform;
    platform.record_baa(&call, id, baa()).await.unwrap();
    world.tamper(OWNER_ACTIVE).await;
    let keys = world.texts("SELECT DISTINCT kms_key FROM wrapped_keys WHERE owner LIKE 'tenant%'").await;
    assert_eq!(keys.len(), 2);
    for key in keys.into_iter().map(KmsKeyId::new) {
        for state in [KeyState::Disabled, KeyState::PendingDeletion, KeyState::PendingImport] {
            world.keys.inner.set_state(&key, state);
            assert_eq!(codes(&platform.activate_tenant(&call, id).await.unwrap_err()), ["keys.not_usable"]);
        }
        world.keys.inner.set_state(&key, KeyState::Enabled);
    }
    world.tamper("DELETE FROM wrapped_keys WHERE owner LIKE 'tenant:%' AND purpose = 'documents'").await;
    let error = platform.activate_tenant(&call, id).await.unwrap_err();
    assert_eq!(error.details()[0].reason, "no data key for: documents");
    assert_eq!(world.texts("SELECT status FROM tenants").await, ["draft"]);
}

async fn an_owner_is_invited_by_a_sealed_job_and_never_an_operator(world: World) {
    let (call, id) = draft(&world).await;
    let platform = &world.platform;
    let error = platform.invite_owner(&call, id, "OLIVE@platform.example", "Olive Ops").await.unwrap_err();
    assert_eq!(codes(&error), ["owner.is_operator"]);
    let error = platform.invite_owner(&call, id, "owner@", "").await.unwrap_err();
    assert_eq!(codes(&error), ["email.format", "text.required"]);
    assert_eq!(world.count("SELECT count(*) FROM jobs").await, 0);

    let job = platform.invite_owner(&call, id, "Owner@Lakeside.example", "Dr. Ana Lee").await.unwrap();
    assert_eq!(
        world.texts("SELECT kind || ' ' || purpose || ' ' || status FROM jobs").await,
        ["invite_owner invite_owner queued"]
    );
    assert_eq!(world.texts("SELECT owner_state FROM tenants").await, ["invited"]);
    assert_eq!(world.count("SELECT count(*) FROM jobs WHERE length(input_sealed) > 60").await, 1);
    assert!(job.uuid().get_version_num() == 7);

    world.tamper(OWNER_ACTIVE).await;
    let error = platform.invite_owner(&call, id, "other@lakeside.example", "Somebody").await.unwrap_err();
    assert_eq!(error.code(), "owner.exists");
    assert_eq!(world.count("SELECT count(*) FROM jobs").await, 1);
}

async fn every_operation_leaves_its_event_and_so_does_every_refusal(world: World) {
    let (call, id) = draft(&world).await;
    let blind = world.operator("nora@platform.example", &["tenants:read"]).await;
    let unknown = TenantId::from_uuid(cloister_kernel::Environment::system().uuid());
    let platform = &world.platform;
    let start = world.event_count().await;
    platform.read_tenant(&call, id).await.unwrap();
    platform.read_tenant(&call, unknown).await.unwrap_err();
    platform.record_baa(&call, id, baa()).await.unwrap();
    platform.record_baa(&call, id, BaaRequest::default()).await.unwrap_err();
    platform.record_baa(&blind, id, baa()).await.unwrap_err();
    platform.invite_owner(&call, id, "owner@lakeside.example", "Dr. Ana Lee").await.unwrap();
    platform.invite_owner(&call, unknown, "owner@lakeside.example", "Dr. Ana Lee").await.unwrap_err();
    platform.invite_owner(&blind, id, "owner@lakeside.example", "Dr. Ana Lee").await.unwrap_err();
    platform.activate_tenant(&blind, id).await.unwrap_err();
    platform.activate_tenant(&call, id).await.unwrap_err();
    world.tamper(OWNER_ACTIVE).await;
    platform.activate_tenant(&call, id).await.unwrap();
    platform.create_tenant(&blind, Some("k9"), lakeside()).await.unwrap_err();
    platform.create_tenant(&call, Some("k9"), Default::default()).await.unwrap_err();
    assert_eq!(
        world.events(start).await,
        [
            "operator tenant.read success",
            "operator tenant.read refused tenant.not_found",
            "operator tenant.baa_recorded success",
            "operator tenant.baa_recorded refused request.invalid",
            "operator tenant.baa_recorded refused operator.scope_missing",
            "operator tenant.owner_invited success",
            "operator tenant.owner_invited refused tenant.not_found",
            "operator tenant.owner_invited refused operator.scope_missing",
            "operator tenant.activated refused operator.scope_missing",
            "operator tenant.activated refused tenant.not_ready",
            "operator tenant.activated success",
            "operator tenant.created refused operator.scope_missing",
            "operator tenant.created refused request.invalid",
        ]
    );
    let about =
        format!("SELECT count(*) FROM platform_events WHERE resource_id = {}", world.id(unknown.uuid()));
    assert_eq!(world.count(&about).await, 2, "a refusal names what was asked for");
}
