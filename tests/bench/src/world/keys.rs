//! AWS KMS as far as the programs call it, over HTTP. A data key is remembered under the random name that stands for
//! its wrapped form: this measures what calling a key service costs the caller, and keeps nobody's secrets.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use cloister_kernel::Environment;
use poem::{
    EndpointExt, Request, Response, Route, Server, handler,
    http::StatusCode,
    listener::{Acceptor, Listener, TcpListener},
    post,
    web::Data,
};
use serde_json::{Value, json};

#[derive(Clone)]
struct Keys {
    state: Arc<Mutex<State>>,
    environment: Environment,
}

#[derive(Default)]
struct State {
    keys: BTreeMap<String, Value>,
    data_keys: HashMap<String, (Value, String)>,
}

/// Starts it; gives its address. It ends with the runtime.
pub(crate) async fn start() -> String {
    let keys = Keys { state: Arc::default(), environment: Environment::system() };
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a port");
    let address: SocketAddr =
        *acceptor.local_addr()[0].as_socket_addr().expect("a TCP listener has a socket address");
    let routes = Route::new().at("/", post(call)).data(keys);
    tokio::spawn(Server::new_with_acceptor(acceptor).run(routes));
    format!("http://{address}")
}

#[handler]
async fn call(request: &Request, body: Vec<u8>, Data(keys): Data<&Keys>) -> Response {
    let operation =
        request.header("x-amz-target").unwrap_or_default().trim_start_matches("TrentService.").to_owned();
    let asked: Value = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let (status, answer) = match keys.answer(&operation, &asked) {
        Ok(answer) => (StatusCode::OK, answer),
        Err(error) => (StatusCode::BAD_REQUEST, json!({ "__type": error })),
    };
    Response::builder().status(status).content_type("application/x-amz-json-1.1").body(answer.to_string())
}

impl Keys {
    fn answer(&self, operation: &str, asked: &Value) -> Result<Value, &'static str> {
        let mut state = self.state.lock().expect("nobody panics here");
        let key_id = asked["KeyId"].as_str().unwrap_or_default();
        match operation {
            "CreateKey" => {
                let arn = format!("arn:aws:kms:us-east-1:000000000000:key/{}", self.environment.uuid());
                state.keys.insert(arn.clone(), asked["Tags"].clone());
                Ok(described(&arn))
            }
            "ListKeys" => {
                let keys: Vec<Value> =
                    state.keys.keys().map(|arn| json!({ "KeyArn": arn, "KeyId": arn })).collect();
                Ok(json!({ "Keys": keys, "Truncated": false }))
            }
            "ListResourceTags" => {
                let tags = state.keys.get(key_id).ok_or("NotFoundException")?;
                Ok(json!({ "Tags": tags, "Truncated": false }))
            }
            "DescribeKey" => state.keys.get(key_id).map(|_| described(key_id)).ok_or("NotFoundException"),
            "EnableKeyRotation" => Ok(json!({})),
            "GenerateDataKeyWithoutPlaintext" => {
                state.keys.get(key_id).ok_or("NotFoundException")?;
                let name = STANDARD.encode(self.environment.bytes::<32>());
                let plaintext = STANDARD.encode(self.environment.bytes::<32>());
                state.data_keys.insert(name.clone(), (asked["EncryptionContext"].clone(), plaintext));
                Ok(json!({ "CiphertextBlob": name, "KeyId": key_id }))
            }
            "Decrypt" => {
                let name = asked["CiphertextBlob"].as_str().unwrap_or_default();
                let (context, plaintext) = state.data_keys.get(name).ok_or("InvalidCiphertextException")?;
                if *context != asked["EncryptionContext"] {
                    return Err("InvalidCiphertextException");
                }
                Ok(
                    json!({ "Plaintext": plaintext, "KeyId": key_id, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }),
                )
            }
            _ => Err("UnsupportedOperationException"),
        }
    }
}

fn described(arn: &str) -> Value {
    json!({ "KeyMetadata": { "KeyId": arn, "Arn": arn, "KeyState": "Enabled", "Enabled": true } })
}
