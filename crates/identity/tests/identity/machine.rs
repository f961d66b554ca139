//! Record systems: signed assertions and access tokens.

use cloister_access::{Caller, action::Create, resource::Bundle};
use cloister_identity::{
    CLIENT_ASSERTION_TYPE, CLIENT_CREDENTIALS, CurrentFlow, IdentityError, IssuedAccessToken, TokenRequest,
};
use cloister_kernel::{Audience, Failure, MachineClientId, SecretString};
use cloister_store::{StoreError, Target};
use futures_util::future::join_all;
use jsonwebtoken::{
    Algorithm, EncodingKey, Header, encode,
    jwk::{Jwk, JwkSet},
};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA384, RsaKeySize};
use serde_json::{Value, json};
use time::Duration;

use crate::{Harness, Kind, clinic::Clinic, clinic::code_of, on_both};

on_both! {
    a_signed_assertion_gives_a_short_token_that_lets_a_bundle_in,
    an_assertion_is_accepted_once,
    no_other_assertion_is_accepted,
    oauth_answers_name_what_is_wrong_with_the_form,
    a_token_is_nothing_elsewhere_and_nothing_else_is_a_token,
    a_removed_client_has_no_token_and_its_tokens_are_dead,
}

const ENDPOINT: &str = "https://lakeside.example.org/oauth/token";
const SCOPES: &str = "system/Bundle.c system/*.rs";

struct Key {
    algorithm: Algorithm,
    signing: EncodingKey,
    kid: &'static str,
}

impl Key {
    fn elliptic(kid: &'static str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
        Self { algorithm: Algorithm::ES384, signing: EncodingKey::from_ec_der(&pair.serialize_der()), kid }
    }

    fn rsa(kid: &'static str) -> Self {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA384, RsaKeySize::_2048).unwrap();
        let pem = pair.serialize_pem();
        Self { algorithm: Algorithm::RS384, signing: rsa_key(&pem), kid }
    }

    fn public(&self) -> Jwk {
        let mut key = Jwk::from_encoding_key(&self.signing, self.algorithm).unwrap();
        key.common.key_id = Some(self.kid.to_owned());
        key
    }

    fn sign(&self, claims: &Value) -> SecretString {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.to_owned());
        encode(&header, claims, &self.signing).unwrap().into()
    }
}

fn rsa_key(pem: &str) -> EncodingKey {
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}

struct System<'c> {
    clinic: &'c Clinic<'c>,
    id: MachineClientId,
    key: Key,
}

impl<'c> System<'c> {
    async fn register(clinic: &'c Clinic<'c>, key: Key) -> Self {
        let id = clinic.harness.machine_client(clinic.tenant).await;
        let jwks = serde_json::to_string(&JwkSet { keys: vec![key.public()] }).unwrap();
        clinic
            .harness
            .execute(&format!(
                "UPDATE machine_clients SET jwks = '{jwks}', scopes = '{SCOPES}' WHERE jwks = '{{}}'"
            ))
            .await
            .unwrap();
        Self { clinic, id, key }
    }

    fn claims(&self) -> Value {
        let now = self.clinic.harness.environment.now();
        json!({
            "iss": self.id.to_string(), "sub": self.id.to_string(), "aud": ENDPOINT,
            "exp": (now + Duration::minutes(4)).unix_timestamp(), "iat": now.unix_timestamp(),
            "jti": self.clinic.harness.environment.uuid().to_string(),
        })
    }

    fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims
    }

    async fn ask(&self, assertion: &SecretString) -> Result<IssuedAccessToken, IdentityError> {
        let request = TokenRequest {
            grant_type: CLIENT_CREDENTIALS,
            client_assertion_type: CLIENT_ASSERTION_TYPE,
            client_assertion: assertion,
            scope: None,
        };
        let visitor = self.clinic.visitor(Audience::Portal);
        self.clinic.identity.issue_access_token(&visitor, ENDPOINT, &request).await
    }

    async fn token(&self) -> SecretString {
        self.ask(&self.key.sign(&self.claims())).await.unwrap().access_token
    }

    async fn may_send(&self, caller: &Caller) -> Result<(), StoreError> {
        let unit = self.clinic.harness.store.begin(caller).await?;
        let (unit, _permit) = unit.require::<Create, Bundle>(Target::Clinic).await?;
        unit.commit(()).await
    }
}

async fn a_signed_assertion_gives_a_short_token_that_lets_a_bundle_in(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    for key in [Key::elliptic("a"), Key::rsa("b")] {
        let system = System::register(&clinic, key).await;
        let claims = system.claims_with("aud", json!([ENDPOINT]));
        let issued = system.ask(&system.key.sign(&claims)).await.unwrap();
        assert_eq!((issued.expires_in, issued.scope.as_str()), (300, SCOPES));
        let visitor = clinic.visitor(Audience::Portal);
        let verified = clinic.identity.verify_access_token(&visitor, &issued.access_token).await.unwrap();
        assert_eq!(verified.scope, SCOPES);
        assert!(verified.permits('r') && verified.permits('s') && !verified.permits('c'));
        system.may_send(&verified.caller).await.unwrap();
        harness.clock.advance(Duration::seconds(299));
        clinic.identity.verify_access_token(&visitor, &issued.access_token).await.unwrap();
        harness.clock.advance(Duration::seconds(1));
        let late = clinic.identity.verify_access_token(&visitor, &issued.access_token).await;
        assert_eq!(code_of(late), "access_token.refused");
    }
    assert_eq!(clinic.events("machine_client.token success").await, 2);
    let by_the_system = "SELECT COUNT(*) FROM events WHERE action = 'machine_client.token' \
                         AND actor_kind = 'machine' AND actor_id = resource_id";
    assert_eq!(harness.number(by_the_system).await, 2);
}

async fn an_assertion_is_accepted_once(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let system = System::register(&clinic, Key::elliptic("a")).await;
    let assertion = system.key.sign(&system.claims());
    let answers = join_all((0..20).map(|_| system.ask(&assertion))).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert_eq!(clinic.events("machine_client.token refused assertion_replayed").await, 19);
    harness.clock.advance(Duration::seconds(239));
    assert_eq!(code_of(system.ask(&assertion).await), "oauth.invalid_client");
    // Another client may use the same id.
    let other = System::register(&clinic, Key::elliptic("a")).await;
    let jti = system.claims()["jti"].clone();
    system.ask(&system.key.sign(&system.claims_with("jti", jti.clone()))).await.unwrap();
    other.ask(&other.key.sign(&other.claims_with("jti", jti))).await.unwrap();
}

async fn no_other_assertion_is_accepted(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let system = System::register(&clinic, Key::elliptic("a")).await;
    let other = System::register(&clinic, Key::elliptic("a")).await;
    let now = harness.environment.now();
    let at = |seconds: i64| json!((now + Duration::seconds(seconds)).unix_timestamp());
    let with = |name, value| system.key.sign(&system.claims_with(name, value));
    let short = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let short = Key {
        algorithm: Algorithm::ES256,
        signing: EncodingKey::from_ec_der(&short.serialize_der()),
        kid: "a",
    };
    let shared = Key { algorithm: Algorithm::HS384, signing: EncodingKey::from_secret(b"a"), kid: "a" };
    let unknown = Key { kid: "z", ..Key::elliptic("z") };
    let nameless = encode(&Header::new(Algorithm::ES384), &system.claims(), &system.key.signing).unwrap();
    let unsigned =
        format!("{}.{}.", base64url(r#"{"alg":"none","kid":"a"}"#), base64url(&system.claims().to_string()));
    let without_jti = {
        let mut claims = system.claims();
        claims.as_object_mut().unwrap().remove("jti");
        system.key.sign(&claims)
    };
    let without_exp = {
        let mut claims = system.claims();
        claims.as_object_mut().unwrap().remove("exp");
        system.key.sign(&claims)
    };
    for (assertion, reason) in [
        (with("aud", json!("https://riverside.example.org/oauth/token")), "assertion_audience"),
        (with("aud", json!([ENDPOINT, "https://evil.example/token"])), "assertion_audience"),
        (with("aud", json!([])), "assertion_audience"),
        (with("exp", at(0)), "assertion_expired"),
        (with("exp", at(331)), "assertion_lives_too_long"),
        (with("nbf", at(60)), "assertion_not_yet_valid"),
        (with("iat", at(60)), "assertion_not_yet_valid"),
        (with("iss", json!(other.id.to_string())), "assertion_issuer"),
        (with("jti", json!("")), "assertion_without_jti"),
        (with("sub", json!("018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e")), "client_unknown"),
        (with("sub", json!("nobody")), "client_unknown"),
        ("not.a.token".into(), "client_unknown"),
        (String::new().into(), "client_unknown"),
        ("x".repeat(9000).into(), "client_unknown"),
        (other.key.sign(&system.claims()), "assertion_signature"),
        (unknown.sign(&system.claims()), "key_unknown"),
        (short.sign(&system.claims()), "assertion_algorithm"),
        (shared.sign(&system.claims()), "assertion_algorithm"),
        (nameless.into(), "assertion_without_kid"),
        (unsigned.into(), "client_unknown"),
        (without_jti, "assertion_without_jti"),
        (with("jti", json!(7)), "assertion_without_jti"),
        (without_exp, "assertion_times"),
        (with("exp", json!("soon")), "assertion_times"),
        (with("exp", json!(1e300)), "assertion_times"),
        // The fraction does not lengthen it.
        (with("exp", json!(at(0).as_i64().unwrap() as f64 + 0.9)), "assertion_expired"),
        (with("nbf", json!(at(30).as_i64().unwrap() as f64 + 0.1)), "assertion_not_yet_valid"),
        (with("aud", json!(7)), "assertion_audience"),
        (with("iss", json!(7)), "assertion_issuer"),
        (system.key.sign(&json!([1])), "client_unknown"),
    ] {
        let line = format!("machine_client.token refused {reason}");
        let before = clinic.events(&line).await;
        assert_eq!(code_of(system.ask(&assertion).await), "oauth.invalid_client", "{reason}");
        assert_eq!(clinic.events(&line).await - before, 1, "{reason}");
    }
    let fraction = at(200).as_i64().unwrap() as f64 + 0.5;
    system.ask(&with("exp", json!(fraction))).await.unwrap();
    system.token().await;
}

fn base64url(text: &str) -> String {
    data_encoding::BASE64URL_NOPAD.encode(text.as_bytes())
}

async fn oauth_answers_name_what_is_wrong_with_the_form(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let system = System::register(&clinic, Key::elliptic("a")).await;
    let visitor = clinic.visitor(Audience::Portal);
    let ask = async |grant_type: &str, kind: &str, scope: Option<&str>| {
        let assertion = system.key.sign(&system.claims());
        let request =
            TokenRequest { grant_type, client_assertion_type: kind, client_assertion: &assertion, scope };
        clinic.identity.issue_access_token(&visitor, ENDPOINT, &request).await
    };
    let kind = CLIENT_ASSERTION_TYPE;
    assert_eq!(code_of(ask("password", kind, None).await), "oauth.unsupported_grant_type");
    assert_eq!(code_of(ask(CLIENT_CREDENTIALS, "x", None).await), "oauth.invalid_request");
    assert_eq!(code_of(ask(CLIENT_CREDENTIALS, kind, Some("system/*.d")).await), "oauth.invalid_scope");
    let issued = ask(CLIENT_CREDENTIALS, kind, Some("system/*.rs")).await.unwrap();
    assert_eq!(issued.scope, "system/*.rs");
}

async fn a_token_is_nothing_elsewhere_and_nothing_else_is_a_token(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let other = Clinic::with_settings(&harness, "riverside", Default::default()).await;
    let system = System::register(&clinic, Key::elliptic("a")).await;
    let token = system.token().await;
    for visitor in [clinic.visitor(Audience::Console), other.visitor(Audience::Portal)] {
        let outcome = clinic.identity.verify_access_token(&visitor, &token).await;
        assert_eq!(code_of(outcome), "access_token.refused");
    }
    // A flow's cookie is no access token, and an access token no flow's cookie.
    let visitor = clinic.visitor(Audience::Portal);
    let flow = cloister_ephemeral::NewFlow {
        tenant: clinic.tenant,
        audience: Audience::Portal,
        step: "password".to_owned(),
        state: Vec::new(),
    };
    let (cookie, _) = clinic.ephemeral.open_flow(flow).await.unwrap();
    for text in [cookie.expose(), "ab".repeat(32), String::new(), "é".repeat(32)] {
        let outcome = clinic.identity.verify_access_token(&visitor, &text.into()).await;
        assert_eq!(code_of(outcome), "access_token.refused");
    }
    use cloister_kernel::ExposeSecret;
    let hash = cloister_ephemeral::Token::parse(token.expose_secret()).unwrap().hash();
    let kept = clinic.ephemeral.flow(clinic.tenant, &hash).await.unwrap().unwrap();
    let current = CurrentFlow { flow: &kept, token: &hash };
    let outcome = clinic.identity.sign_in_password(&visitor, current, "ana@example.org", &"x".into()).await;
    assert_eq!(code_of(outcome), "flow.required");
    // Each refusal stands in the log of the clinic that was asked.
    let line = "machine_client.authenticated refused token_refused";
    assert_eq!((clinic.events(line).await, other.events(line).await), (5, 1));
    let caller = clinic.identity.verify_access_token(&visitor, &token).await.unwrap().caller;
    clinic.identity.refuse_scope(&caller).await.unwrap();
    assert_eq!(clinic.events("machine_client.authenticated refused scope_not_held").await, 1);
    assert_eq!(clinic.events(line).await, 5);
}

async fn a_removed_client_has_no_token_and_its_tokens_are_dead(harness: Harness) {
    let clinic = Clinic::open(&harness).await;
    let system = System::register(&clinic, Key::elliptic("a")).await;
    let visitor = clinic.visitor(Audience::Portal);
    let token = system.token().await;
    let caller = clinic.identity.verify_access_token(&visitor, &token).await.unwrap().caller;
    system.may_send(&caller).await.unwrap();
    harness.execute("UPDATE machine_clients SET revocation_epoch = revocation_epoch + 1").await.unwrap();
    assert_eq!(system.may_send(&caller).await.unwrap_err().code(), "session.revoked");
    harness.execute("UPDATE machine_clients SET status = 'revoked'").await.unwrap();
    assert_eq!(system.may_send(&caller).await.unwrap_err().code(), "account.disabled");
    let outcome = system.ask(&system.key.sign(&system.claims())).await;
    assert_eq!(code_of(outcome), "oauth.invalid_client");
    assert_eq!(clinic.events("machine_client.token refused client_removed").await, 1);
}
