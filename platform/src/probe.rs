//! `cloister probe`: one request, for tests of a deployment. The image holds no other program that could make it.

use std::{path::Path, str::FromStr, time::Duration};

use crate::StartError;

/// How long an answer may take. A network policy drops packets without a word, so this is also how long that takes to see.
const WITHIN: Duration = Duration::from_secs(5);

/// What a URL should answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// This status.
    Status(u16),
    /// Nothing: no connection comes about.
    Unreachable,
}

impl FromStr for Expected {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "unreachable" {
            return Ok(Self::Unreachable);
        }
        let status = text.parse().ok().filter(|status| (100..600).contains(status));
        status.map(Self::Status).ok_or("is neither a status nor `unreachable`")
    }
}

/// Asks a URL once.
///
/// # Errors
/// When it answers otherwise.
pub async fn probe(url: &str, expected: Expected, authority: Option<&Path>) -> Result<(), StartError> {
    let otherwise = |cause: String| StartError::Part { part: "probe", cause };
    let mut builder = reqwest::Client::builder().timeout(WITHIN).redirect(reqwest::redirect::Policy::none());
    if let Some(path) = authority {
        let pem = std::fs::read(path).map_err(StartError::of("the authority"))?;
        let roots = reqwest::Certificate::from_pem_bundle(&pem).map_err(StartError::of("the authority"))?;
        builder = builder.tls_certs_only(roots);
    }
    let client = builder.build().map_err(StartError::of("probe"))?;
    match (client.get(url).send().await, expected) {
        (Ok(answer), Expected::Status(status)) if answer.status().as_u16() == status => Ok(()),
        (Ok(answer), _) => Err(otherwise(format!("answered {}", answer.status().as_u16()))),
        // A refused certificate is a connection that came about; the kind of the error does not tell, so ask the socket.
        (Err(_), Expected::Unreachable) if !connects(url).await => Ok(()),
        (Err(error), Expected::Unreachable) => Err(otherwise(format!("is reachable: {error}"))),
        (Err(error), Expected::Status(_)) => Err(StartError::of("probe")(error)),
    }
}

async fn connects(url: &str) -> bool {
    let Ok(url) = url::Url::parse(url) else { return true };
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return true };
    let connecting = tokio::net::TcpStream::connect((host.trim_matches(['[', ']']).to_owned(), port));
    matches!(tokio::time::timeout(WITHIN, connecting).await, Ok(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    async fn answering(status: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                let _ = socket.read(&mut [0; 1024]).await;
                let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = socket.write_all(head.as_bytes()).await;
            }
        });
        url
    }

    #[tokio::test]
    async fn only_what_is_expected_is_fine() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let url = answering("421 Misdirected Request").await;
        probe(&url, Expected::Status(421), None).await.unwrap();
        for other in [Expected::Status(200), Expected::Unreachable] {
            assert!(probe(&url, other, None).await.unwrap_err().to_string().contains("answered 421"));
        }
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let nobody = format!("http://{closed}/");
        probe(&nobody, Expected::Unreachable, None).await.unwrap();
        probe(&nobody, Expected::Status(200), None).await.unwrap_err();
        // TLS that fails is no closed door.
        let tls = url.replace("http://", "https://");
        assert!(
            probe(&tls, Expected::Unreachable, None).await.unwrap_err().to_string().contains("is reachable")
        );
    }

    #[test]
    fn expectations_are_statuses_or_nothing_at_all() {
        assert_eq!("unreachable".parse(), Ok(Expected::Unreachable));
        assert_eq!("421".parse(), Ok(Expected::Status(421)));
        for wrong in ["", "99", "600", "ok"] {
            assert!(wrong.parse::<Expected>().is_err(), "{wrong}");
        }
    }
}
