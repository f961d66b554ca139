//! Sealing and deciding alone, in this process: what of a request they are.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, Instant},
};

use cloister_access::{ActionType, DecisionTable, PolicyDocument, Relation, ResourceType, Role, RoleSet};
use cloister_kernel::{Environment, TenantId};
use cloister_vault::{
    Deployment, KeyCache, KeyIssuer, KeyOwner, KeyRing, KeyVersion, LocalKeyService, Place, Purpose,
};
use serde_json::{Value, json};

use super::rounded;

const LENGTH: Duration = Duration::from_millis(500);
/// A result's view is about as long.
const VALUE: usize = 300;

/// Nanoseconds of one turn.
fn cost(mut turn: impl FnMut()) -> f64 {
    let (started, mut turns) = (Instant::now(), 0_u64);
    while started.elapsed() < LENGTH {
        for _ in 0..100 {
            turn();
        }
        turns += 100;
    }
    rounded(started.elapsed().as_nanos() as f64 / turns as f64)
}

/// Nanoseconds of sealing, opening and deciding once.
pub(crate) async fn in_nanoseconds() -> Value {
    let environment = Environment::system();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.json");
    let service = LocalKeyService::open(file, Deployment::Embedded, environment.clone()).expect("a key file");
    let service = Arc::new(service);
    let owner = KeyOwner::Tenant(TenantId::from_uuid(environment.uuid()));
    let key = service.create_key(&owner).await.expect("a key");
    let wrapped =
        service.issue_data_key(&key, &owner, Purpose::Phi, KeyVersion(1)).await.expect("a data key");
    let cache = KeyCache::new(service, environment.clone(), 10);
    let ring = KeyRing::unlock(&cache, &[wrapped]).await.expect("a ring");
    let place = Place::new(owner, "resources", "view_sealed", environment.uuid());
    let value = vec![7_u8; VALUE];
    let sealed = ring.seal(&environment, Purpose::Phi, &place, &value).expect("a sealed value");
    let table = DecisionTable::compile(&PolicyDocument::baseline()).expect("the baseline");
    let roles = RoleSet::NONE.with(Role::Patient);
    let compile = Instant::now();
    black_box(DecisionTable::compile(&PolicyDocument::baseline()).expect("the baseline"));
    let compiled = compile.elapsed();
    json!({
        "value_bytes": VALUE,
        "seal": cost(|| drop(black_box(ring.seal(&environment, Purpose::Phi, &place, &value)))),
        "open": cost(|| drop(black_box(ring.open(&place, &sealed)))),
        "decide": cost(|| {
            black_box(table.verdict(black_box(roles), Relation::OwnRecord, ResourceType::LabResult, ActionType::Read));
        }),
        "compile_policy": compiled.as_nanos() as u64,
    })
}
