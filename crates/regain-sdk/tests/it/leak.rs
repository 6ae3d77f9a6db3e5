//! Item 20: nothing that is shown for debugging holds a secret.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use proptest::prelude::*;
use regain_sdk::testkit::{ScriptedTransport, documents, reply};
use regain_sdk::{
    Answer, Callback, ClientAuth, Error, IdxClient, InteractionCode, MemoryStore, Outcome,
    ResetOptions, ScopedTransactions, SealKey, Secret, SessionScope, Transaction,
    TransactionStore as _, TransportError, Version,
};
use serde_json::Value;

use crate::support::{
    BASE, ISSUER, REDIRECT_URI, Signer, TestClock, claims, nonce_of, script_keys, step,
    token_answer,
};

/// The secrets of one flow, by what they are.
type Secrets = BTreeMap<&'static str, String>;

const NAMES: [&str; 10] = [
    "access token",
    "client secret",
    "code",
    "interaction code",
    "interaction handle",
    "password",
    "recovery token",
    "refresh token",
    "session",
    "state handle",
];

fn secrets() -> impl Strategy<Value = Secrets> {
    prop::collection::vec("[A-Za-z0-9_-]{16,40}", NAMES.len()).prop_map(|values| {
        // The number keeps them apart from each other.
        let number = |(index, value): (usize, String)| format!("{index}{value}");
        NAMES
            .into_iter()
            .zip(values.into_iter().enumerate().map(number))
            .collect()
    })
}

/// Everything that was shown.
#[derive(Default)]
struct Shown(String);

impl Shown {
    fn add(&mut self, thing: &impl Debug) {
        writeln!(self.0, "{thing:?}\n{thing:#?}").unwrap();
    }

    fn add_error(&mut self, error: &Error) {
        self.add(error);
        let mut cause: Option<&dyn std::error::Error> = Some(error);
        while let Some(error) = cause {
            writeln!(self.0, "{error}").unwrap();
            cause = error.source();
        }
    }

    fn add_outcome(&mut self, outcome: &Outcome) {
        self.add(outcome);
        self.add(&outcome.transaction);
        let offers: Vec<String> = outcome
            .transaction
            .offers()
            .into_iter()
            .map(str::to_owned)
            .collect();
        self.add(&offers);
    }
}

fn with_handle(page: &Value, secrets: &Secrets) -> Value {
    let text = page
        .to_string()
        .replace(documents::STATE_HANDLE, &secrets["state handle"]);
    serde_json::from_str(&text).unwrap()
}

fn client(script: &Arc<ScriptedTransport>, secrets: &Secrets, shown: &mut Shown) -> IdxClient {
    let auth = ClientAuth::SecretPost(secrets["client secret"].as_str().into());
    shown.add(&auth);
    let builder = IdxClient::builder(ISSUER)
        .client_id("0oa1example")
        .client_auth(auth)
        .redirect_uri(REDIRECT_URI)
        .clock(TestClock::new())
        .transport(script.clone());
    shown.add(&builder);
    builder.build().unwrap()
}

/// A recovery with a refusal, errors and tokens; shows everything on the way.
async fn recovery(secrets: &Secrets, shown: &mut Shown) -> Vec<(String, String)> {
    let script = ScriptedTransport::for_issuer(ISSUER);
    let answer = |path: &str, status: u16, page: Value| {
        script.answer(path, status, with_handle(&page, secrets));
    };
    let handle = serde_json::json!({ "interaction_handle": secrets["interaction handle"] });
    script.answer("/v1/interact", 200, handle);
    answer("/idp/idx/introspect", 200, documents::recover_page(BASE));
    let client = client(&script, secrets, shown);
    shown.add(&client);

    let recovery = client
        .recover_password()
        .token(secrets["recovery token"].as_str())
        .code(secrets["code"].as_str())
        .new_password(secrets["password"].as_str());
    shown.add(&recovery);
    shown.add(
        &client
            .sign_in()
            .identifier("a")
            .password(secrets["password"].as_str()),
    );
    let outcome = recovery.start().await.unwrap();
    shown.add_outcome(&outcome);

    answer("/idp/idx/identify", 200, documents::select_page(BASE));
    let outcome = step!(outcome, Identify).submit("alice").await.unwrap();
    shown.add_outcome(&outcome);
    answer("/idp/idx/challenge", 200, documents::code_page(BASE));
    let outcome = step!(outcome, SelectAuthenticator)
        .choose("okta_email")
        .await
        .unwrap();
    shown.add_outcome(&outcome);
    errors(&client, &script, &outcome.transaction, secrets, shown).await;
    let step = step!(outcome, EnterCode);
    shown.add(&step);
    shown.add(&step.clone().poll());
    shown.add(&step.clone().into_raw());
    answer(
        "/idp/idx/challenge/answer",
        200,
        documents::reset_page(BASE),
    );
    let outcome = step.submit(&secrets["code"]).await.unwrap();
    shown.add_outcome(&outcome);

    let success = documents::success(BASE, &secrets["interaction code"]);
    answer("/idp/idx/challenge/answer", 200, success);
    script_keys(&script);
    let mut claims = claims();
    claims["nonce"] = nonce_of(&script).into();
    claims.as_object_mut().unwrap().remove("at_hash");
    let id_token = Signer::issuer().sign(&Signer::issuer().header(), &claims);
    let mut tokens = token_answer(&id_token);
    tokens["access_token"] = secrets["access token"].as_str().into();
    tokens["refresh_token"] = secrets["refresh token"].as_str().into();
    script.answer_with("/v1/token", move |_| Ok(reply(200, &tokens)));
    let new = Secret::from(secrets["password"].as_str());
    shown.add(&new);
    let outcome = step!(outcome, SetPassword)
        .submit(&new, ResetOptions::default())
        .await
        .unwrap();
    shown.add_outcome(&outcome);
    shown.add(outcome.tokens().unwrap());
    kept(&client, &outcome, secrets, shown).await;
    shown.add(&script);
    shown.add(&script.requests());

    let requests = script.requests();
    let verifier = requests
        .iter()
        .find_map(|seen| seen.param("code_verifier"))
        .unwrap();
    let signature = id_token.rsplit('.').next().unwrap().to_owned();
    vec![
        ("verifier".to_owned(), verifier),
        ("nonce".to_owned(), nonce_of(&script)),
        ("ID token".to_owned(), signature),
    ]
}

/// Errors of each kind, with bodies and values that hold secrets.
async fn errors(
    client: &IdxClient,
    script: &ScriptedTransport,
    transaction: &Transaction,
    secrets: &Secrets,
    shown: &mut Shown,
) {
    let all: Vec<Value> = secrets
        .values()
        .map(|value| value.as_str().into())
        .collect();
    let path = "/idp/idx/challenge/answer";
    for status in [200, 404, 403, 500] {
        let body = serde_json::json!({ "leak": all });
        script.answer(path, status, body);
    }
    script.answer(
        path,
        200,
        serde_json::json!({ "version": "1.0.0", "remediation": all }),
    );
    script.answer_with(path, |_| Err(TransportError::maybe_sent("reset by peer")));
    for _ in 0..6 {
        let answer = Answer::from_form([("otp", secrets["code"].as_str())]);
        shown.add(&answer);
        let error = client
            .proceed(transaction.clone(), answer)
            .await
            .unwrap_err();
        shown.add_error(&error);
        shown.0.push_str(error.user_message());
    }
    let code = secrets["code"].as_str();
    let wrong = [
        Answer::from_form([("otp", code), ("verificationCode", "1")]),
        Answer::from_form([("stateHandle", code)]),
        Answer::from_form([("state", code)]),
        Answer::from_form([("otpp", code)]),
        Answer::from_form([("password", secrets["password"].as_str())]),
    ];
    for answer in wrong {
        shown.add(&answer);
        shown.add_error(
            &client
                .proceed(transaction.clone(), answer)
                .await
                .unwrap_err(),
        );
    }
}

/// What is kept, and what comes in by a callback.
async fn kept(client: &IdxClient, outcome: &Outcome, secrets: &Secrets, shown: &mut Shown) {
    let key = Arc::new(SealKey::new([7; 32]));
    let scope = SessionScope::new(secrets["session"].as_str());
    let sealed = outcome.transaction.seal(&key, &scope).unwrap();
    let store = Arc::new(MemoryStore::new(1));
    let place = (&scope, outcome.transaction.id());
    let hour = std::time::Duration::from_hours(1);
    store
        .save(place, Version::default(), sealed.clone(), hour)
        .await
        .unwrap();
    let sessions = ScopedTransactions::new(client.clone(), store, key, scope);
    shown.add(&sessions);
    shown.add(&sealed);
    let id = outcome.transaction.id();
    shown.add(&Callback::parse(&format!(
        "state={id}&otp={}",
        secrets["code"]
    )));
    let code = secrets["interaction code"].as_str();
    shown.add(&Callback::parse(&format!(
        "state={id}&interaction_code={code}"
    )));
    shown.add(&InteractionCode::new(code));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn item_20_nothing_shown_for_debugging_holds_a_secret(secrets in secrets()) {
        let mut shown = Shown::default();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let more = runtime.block_on(recovery(&secrets, &mut shown));
        prop_assert!(shown.0.len() > 10_000, "something was shown");
        let named = secrets.iter().map(|(name, value)| (*name, value.as_str()));
        let more = more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in named.chain(more) {
            let at = shown.0.find(value);
            let around = at.map(|at| &shown.0[at.saturating_sub(60)..at + value.len()]);
            prop_assert!(around.is_none(), "the {name} is shown: {around:?}");
        }
    }
}
