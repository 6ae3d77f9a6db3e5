//! A client on a script, a clock that stands still, and an issuer that signs.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use regain_sdk::testkit::{ScriptedTransport, documents, reply};
use regain_sdk::{Clock, ConfigBuilder, IdxClient, Outcome, State, Step};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const BASE: &str = "https://id.example.com";
pub(crate) const ISSUER: &str = "https://id.example.com/oauth2/default";
pub(crate) const CLIENT_ID: &str = "0oa1example";
pub(crate) const REDIRECT_URI: &str = "https://app.example.com/login/callback";
pub(crate) const ACCESS_TOKEN: &str = "access-token-text";
/// 2026-01-02T03:04:05Z
pub(crate) const NOW: u64 = 1_767_323_045;

/// Moves only when told.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicU64);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW)))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn script() -> Arc<ScriptedTransport> {
    ScriptedTransport::for_issuer(ISSUER)
}

pub(crate) fn builder(script: &Arc<ScriptedTransport>) -> ConfigBuilder {
    IdxClient::builder(ISSUER)
        .client_id(CLIENT_ID)
        .redirect_uri(REDIRECT_URI)
        .clock(TestClock::new())
        .transport(script.clone())
}

pub(crate) fn client(script: &Arc<ScriptedTransport>) -> IdxClient {
    builder(script).build().unwrap()
}

/// A script up to the first page, and that page.
pub(crate) fn script_from(first: Value) -> Arc<ScriptedTransport> {
    let script = script();
    script.answer("/v1/interact", 200, documents::interact());
    script.answer("/idp/idx/introspect", 200, first);
    script
}

/// A transaction that stands at this page.
pub(crate) async fn at(page: Value) -> (Arc<ScriptedTransport>, IdxClient, Outcome) {
    let script = script_from(page);
    let client = client(&script);
    let outcome = client.begin().start().await.unwrap();
    script.forget_requests();
    (script, client, outcome)
}

/// The documents of a recovery on the one-page profile, from the first page on.
pub(crate) fn script_recovery(script: &ScriptedTransport) {
    script.answer("/v1/interact", 200, documents::interact());
    script.answer("/idp/idx/introspect", 200, documents::sign_in_page(BASE));
    script.answer("/idp/idx/recover", 200, documents::recover_page(BASE));
    script.answer("/idp/idx/identify", 200, documents::select_page(BASE));
    script.answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::reset_page(BASE),
    );
    script.answer(
        "/idp/idx/challenge/answer",
        200,
        documents::success(BASE, "interaction-code"),
    );
}

pub(crate) fn pending(outcome: Outcome) -> Step {
    match outcome.state {
        State::Pending(step) => step,
        other => panic!("not pending but {other:?}"),
    }
}

/// Takes the step out of an outcome, or fails with what is there instead.
macro_rules! step {
    ($outcome:expr, $variant:ident) => {
        match $crate::support::pending($outcome) {
            regain_sdk::Step::$variant(step) => step,
            other => panic!("another step: {other:?}"),
        }
    };
}
pub(crate) use step;

/// The last request's body.
pub(crate) fn last_body(script: &ScriptedTransport) -> Value {
    script.requests().last().unwrap().json()
}

/// Makes keys and signatures as a server does.
pub(crate) struct Signer {
    key: KeyPair,
    kid: &'static str,
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        Self {
            key: KeyPair::generate(KeySize::Rsa2048).unwrap(),
            kid,
        }
    }

    /// The key of the issuer in most tests: made once, because that takes a while.
    pub(crate) fn issuer() -> &'static Self {
        static ISSUER_KEY: OnceLock<Signer> = OnceLock::new();
        ISSUER_KEY.get_or_init(|| Self::new("kid-1"))
    }

    /// Somebody else's key under the same name.
    pub(crate) fn stranger() -> &'static Self {
        static STRANGERS_KEY: OnceLock<Signer> = OnceLock::new();
        STRANGERS_KEY.get_or_init(|| Self::new("kid-1"))
    }

    pub(crate) fn jwks(&self) -> Value {
        let (n, e) = rsa_numbers(self.key.public_key().as_ref());
        json!({ "keys": [{
            "kty": "RSA", "alg": "RS256", "kid": self.kid, "use": "sig",
            "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e),
        }] })
    }

    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    pub(crate) fn header(&self) -> Value {
        json!({ "alg": "RS256", "kid": self.kid })
    }
}

/// `n` and `e` of a DER `RSAPublicKey` (RFC 8017 appendix A.1.1).
fn rsa_numbers(der: &[u8]) -> (&[u8], &[u8]) {
    let (sequence, _) = der_value(der);
    let (n, rest) = der_value(sequence);
    let (e, _) = der_value(rest);
    (n.strip_prefix(&[0]).unwrap_or(n), e)
}

fn der_value(der: &[u8]) -> (&[u8], &[u8]) {
    let (length, start) = match usize::from(der[1]) {
        short @ 0..=127 => (short, 2),
        long => {
            let bytes = long & 0x7f;
            let length = der[2..2 + bytes]
                .iter()
                .fold(0, |sum, b| sum << 8 | usize::from(*b));
            (length, 2 + bytes)
        }
    };
    der[start..].split_at(length)
}

/// Claims that pass every check, but for the nonce.
pub(crate) fn claims() -> Value {
    let hash = Sha256::digest(ACCESS_TOKEN);
    json!({
        "iss": ISSUER, "aud": CLIENT_ID, "sub": "00u1", "iat": NOW, "exp": NOW + 3600,
        "auth_time": NOW, "email": "alice@example.com", "amr": ["pwd"],
        "at_hash": URL_SAFE_NO_PAD.encode(&hash[..16]),
    })
}

/// The answer of the token endpoint around an ID token.
pub(crate) fn token_answer(id_token: &str) -> Value {
    json!({
        "token_type": "Bearer", "expires_in": 3600, "access_token": ACCESS_TOKEN,
        "scope": "openid email", "id_token": id_token, "refresh_token": "refresh-token-text",
    })
}

/// The nonce that `interact` was given.
pub(crate) fn nonce_of(script: &ScriptedTransport) -> String {
    let requests = script.requests();
    let interact = requests
        .iter()
        .rev()
        .find(|seen| seen.path.ends_with("/v1/interact"));
    interact.and_then(|seen| seen.param("nonce")).unwrap()
}

/// Answers the next token request with what `change` makes of good claims, signed by `signer`.
pub(crate) fn script_tokens(
    script: &Arc<ScriptedTransport>,
    signer: &'static Signer,
    change: impl Fn(&mut Value) + Send + Sync + 'static,
) {
    let requests = Arc::downgrade(script);
    script.answer_with("/v1/token", move |_| {
        let mut claims = claims();
        claims["nonce"] = nonce_of(&requests.upgrade().unwrap()).into();
        change(&mut claims);
        Ok(reply(
            200,
            &token_answer(&signer.sign(&signer.header(), &claims)),
        ))
    });
}

/// Publishes the issuer's key.
pub(crate) fn script_keys(script: &ScriptedTransport) {
    let keys = Signer::issuer().jwks();
    script.always("/v1/keys", move |_| Ok(reply(200, &keys)));
}

/// Shows the requests since it was last asked.
pub(crate) struct Mark<'a> {
    script: &'a ScriptedTransport,
    seen: usize,
}

impl<'a> Mark<'a> {
    pub(crate) fn new(script: &'a ScriptedTransport) -> Self {
        Self {
            script,
            seen: script.requests().len(),
        }
    }

    pub(crate) fn paths(&mut self) -> Vec<String> {
        let all = self.script.paths();
        let new = all[self.seen..].to_vec();
        self.seen = all.len();
        new
    }
}
