//! A clinic's record system as the portal sees it: a key pair, signed assertions (SMART Backend Services), bundles.

use std::{net::SocketAddr, time::Duration};

use cloister_kernel::Environment;
use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};
use serde_json::{Value, json};

use super::{
    DemoError,
    browser::{Answer, host_of, text},
};

const KEY_ID: &str = "record-system-1";
/// An uncompressed P-384 point: a marker byte and two coordinates.
const COORDINATE: usize = 48;

/// A record system with its key.
pub struct RecordSystem {
    key: KeyPair,
    client: reqwest::Client,
    origin: String,
    environment: Environment,
}

impl RecordSystem {
    /// A record system with a fresh P-384 key, which will talk to the clinic at the origin and address.
    ///
    /// # Errors
    /// [`DemoError::Unexpected`] when no key can be made, [`DemoError::Network`].
    pub fn new(origin: &str, address: SocketAddr, environment: Environment) -> Result<Self, DemoError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)
            .map_err(|_| DemoError::Unexpected("no key pair could be made"))?;
        let client = reqwest::Client::builder()
            .resolve(host_of(origin), address)
            .timeout(Duration::from_secs(120))
            .no_proxy()
            .build()?;
        Ok(Self { key, client, origin: origin.to_owned(), environment })
    }

    /// The public key as a JWKS (RFC 7517), for the registration.
    ///
    /// # Errors
    /// [`DemoError::Unexpected`] when the key is not a P-384 point.
    pub fn jwks(&self) -> Result<Value, DemoError> {
        let point = self.key.public_key_raw();
        let coordinates = point.get(1..1 + 2 * COORDINATE).ok_or(DemoError::Unexpected("no P-384 point"))?;
        let (x, y) = coordinates.split_at(COORDINATE);
        Ok(json!({ "keys": [{
            "kty": "EC", "crv": "P-384", "use": "sig", "alg": "ES384", "kid": KEY_ID,
            "x": BASE64URL_NOPAD.encode(x), "y": BASE64URL_NOPAD.encode(y),
        }]}))
    }

    /// A client assertion (RFC 7523) for the token endpoint, good for four minutes.
    ///
    /// # Errors
    /// [`DemoError::Unexpected`] when it cannot be signed.
    pub fn assertion(&self, client_id: &str) -> Result<String, DemoError> {
        let now = self.environment.now().unix_timestamp();
        let claims = json!({
            "iss": client_id, "sub": client_id, "aud": self.token_endpoint(),
            "iat": now, "exp": now + 240, "jti": self.environment.uuid().to_string(),
        });
        let key = EncodingKey::from_ec_pem(self.key.serialize_pem().as_bytes())
            .map_err(|_| DemoError::Unexpected("the key cannot sign"))?;
        let header = Header { kid: Some(KEY_ID.to_owned()), ..Header::new(Algorithm::ES384) };
        encode(&header, &claims, &key).map_err(|_| DemoError::Unexpected("the assertion was not signed"))
    }

    /// Gets an access token.
    ///
    /// # Errors
    /// [`DemoError::Answer`].
    pub async fn access_token(&self, client_id: &str, scope: &str) -> Result<String, DemoError> {
        let answer = self.ask_for_token(&self.assertion(client_id)?, scope).await?;
        text(&answer.ok("getting an access token")?, "access_token")
    }

    /// Offers an assertion to the token endpoint.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn ask_for_token(&self, assertion: &str, scope: &str) -> Result<Answer, DemoError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
            .append_pair("client_assertion", assertion)
            .append_pair("scope", scope)
            .finish();
        let request = self
            .client
            .post(self.token_endpoint())
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        read(request.send().await?).await
    }

    /// Pushes a bundle in.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn push(&self, access_token: &str, bundle: &Value) -> Result<Answer, DemoError> {
        let bytes = serde_json::to_vec(bundle).map_err(|_| DemoError::Unexpected("the bundle is no JSON"))?;
        self.push_bytes(access_token, bytes).await
    }

    /// Pushes whatever bytes in.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn push_bytes(&self, access_token: &str, bytes: Vec<u8>) -> Result<Answer, DemoError> {
        let request = self
            .client
            .post(format!("{}/fhir/R4", self.origin))
            .bearer_auth(access_token)
            .header("content-type", "application/fhir+json")
            .body(bytes);
        read(request.send().await?).await
    }

    /// Reads a resource back.
    ///
    /// # Errors
    /// [`DemoError::Network`].
    pub async fn read(&self, access_token: &str, resource_type: &str, id: &str) -> Result<Answer, DemoError> {
        let url = format!("{}/fhir/R4/{resource_type}/{id}", self.origin);
        read(self.client.get(url).bearer_auth(access_token).send().await?).await
    }

    fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.origin)
    }
}

async fn read(response: reqwest::Response) -> Result<Answer, DemoError> {
    let status = response.status();
    let bytes = response.bytes().await?;
    Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
}
