//! HTTP by hand: a request that breaks off must be told from one that was answered, to the byte.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A server that is alive answers within this.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer that came, whole.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) status: u16,
    /// `Null` when it is no JSON.
    pub(super) json: Value,
}

impl Page {
    /// The name of the first remediation.
    pub(super) fn name(&self) -> Option<&str> {
        self.json["remediation"]["value"][0]["name"].as_str()
    }

    /// The key of the first message at the top.
    pub(super) fn message(&self) -> Option<&str> {
        self.json["messages"]["value"][0]["i18n"]["key"].as_str()
    }

    pub(super) fn text(&self, member: &str) -> Option<String> {
        self.json[member].as_str().map(str::to_owned)
    }

    pub(super) fn interaction_code(&self) -> Option<String> {
        let fields = self.json["successWithInteractionCode"]["value"].as_array()?;
        let code = fields
            .iter()
            .find(|field| field["name"] == "interaction_code")?;
        code["value"].as_str().map(str::to_owned)
    }

    /// The first choice of the form that asks for an authenticator.
    pub(super) fn first_choice(&self) -> Option<String> {
        let forms = self.json["remediation"]["value"].as_array()?;
        let form = forms
            .iter()
            .find(|form| form["name"] == "select-authenticator-authenticate")?;
        let fields = form["value"].as_array()?;
        let field = fields
            .iter()
            .find(|field| field["name"] == "authenticator")?;
        let id = field.pointer("/options/0/value/form/value/0/value")?;
        id.as_str().map(str::to_owned)
    }
}

/// What a request carries.
pub(super) enum Body {
    Form(Vec<(&'static str, String)>),
    Json(Value),
}

impl Body {
    fn encode(&self) -> (&'static str, String) {
        match self {
            Self::Form(fields) => {
                let mut text = url::form_urlencoded::Serializer::new(String::new());
                text.extend_pairs(fields);
                ("application/x-www-form-urlencoded", text.finish())
            }
            Self::Json(value) => ("application/json", value.to_string()),
        }
    }
}

/// Posts and reads the answer. Nothing when no whole answer came: the server may have done what was
/// asked, or not. `sent` is called when the last byte of the request is on its way.
pub(super) async fn post(
    address: SocketAddr,
    path: &str,
    body: &Body,
    sent: impl FnOnce(),
) -> Option<Page> {
    let (kind, body) = body.encode();
    let request = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\naccept: application/json\r\n\
         content-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        sent();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.ok()?;
        whole(&bytes)
    };
    let answered = tokio::time::timeout(PATIENCE, exchange).await;
    answered.unwrap_or_else(|_| panic!("{path} was not answered within {PATIENCE:?}"))
}

/// An answer, if it is all there.
fn whole(bytes: &[u8]) -> Option<Page> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).ok()?;
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    let body = &bytes[head..];
    // An answer without a length and without a body, such as that of a revocation.
    if body.len() < length.unwrap_or(0) {
        return None;
    }
    Some(Page {
        status,
        json: serde_json::from_slice(body).unwrap_or(Value::Null),
    })
}

#[test]
fn half_an_answer_is_none() {
    let text = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}";
    assert_eq!(whole(text).unwrap().json["a"], 1);
    for end in 0..text.len() {
        assert!(whole(&text[..end]).is_none(), "{end}");
    }
}
