//! From a request to where the transaction stands after it.

use serde_json::{Map, Value, json};

use crate::call::{Answered, ION};
use crate::document;
use crate::error::{ExchangeError, FlowEffect, ProtocolError};
use crate::outcome::{Features, Grant, Outcome, State, Terminal};
use crate::tokens::InteractionCode;
use crate::transaction::StartOptions;
use crate::wire::idx::{Form, IdxResponse};
use crate::wire::oauth::InteractResponse;
use crate::{Error, Feature, Flow, IdxClient, Secret, Step, Transaction};

const SESSION_EXPIRED: &str = "idx.session.expired";
/// The password is changed, but the sign-in after it failed.
const PASSWORD_REPLACED: &str = "api.users.auth.error.POST_PASSWORD_UPDATE_AUTH_FAILURE";

impl IdxClient {
    /// Begins a transaction: `interact`, then `introspect`.
    pub(crate) async fn start(&self, flow: Flow, options: &StartOptions) -> Result<Outcome, Error> {
        self.discovery().await?;
        let mut transaction = Transaction::new(flow, options, self.now())?;
        let challenge = transaction.code_challenge();
        let scope = self.config().scopes.join(" ");
        let max_age = options.max_age_seconds.map(|seconds| seconds.to_string());
        let mut params = vec![
            ("scope", scope.as_str()),
            ("redirect_uri", &self.config().redirect_uri),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("state", transaction.id().as_str()),
            ("nonce", transaction.0.nonce.expose()),
        ];
        let optional = [
            (
                "recovery_token",
                options.recovery_token.as_ref().map(Secret::expose),
            ),
            (
                "activation_token",
                options.activation_token.as_ref().map(Secret::expose),
            ),
            ("acr_values", options.acr_values.as_deref()),
            ("max_age", max_age.as_deref()),
        ];
        params.extend(
            optional
                .into_iter()
                .filter_map(|(name, value)| Some((name, value?))),
        );
        let url = format!("{}/v1/interact", self.config().oauth_base);
        let response = self.post_oauth(&url, &params).await?;
        let body: InteractResponse = crate::call::read_json(&response)?;
        transaction.0.interaction_handle = body.interaction_handle.into();
        self.introspect(transaction).await
    }

    /// Reads where a transaction stands.
    pub(crate) async fn introspect(&self, transaction: Transaction) -> Result<Outcome, Error> {
        let url = format!("{}/idp/idx/introspect", self.config().idx_base);
        let body = json!({ "interactionHandle": transaction.0.interaction_handle.expose() });
        let answered = self.post_idx(&url, ION, &body).await?;
        Box::pin(self.digest(transaction, "introspect", answered)).await
    }

    /// Posts a form whose body is complete but for the state handle.
    pub(crate) async fn post_form(
        &self,
        mut transaction: Transaction,
        form: &Form,
        mut body: Map<String, Value>,
    ) -> Result<Outcome, Error> {
        let href = form.href.as_deref().unwrap_or_default();
        if form
            .method
            .as_deref()
            .is_some_and(|method| method != "POST")
        {
            return Err(Error::protocol(
                0,
                format!("{:?} is not a form to post", form.name),
            ));
        }
        if let Some(handle) = document::state_handle(&transaction.0.document, form) {
            body.insert("stateHandle".to_owned(), handle.into());
        }
        if let Some(identifier) = body.get("identifier").and_then(Value::as_str) {
            transaction.0.identifier = Some(identifier.to_owned());
        }
        let accept = form.accepts.as_deref().unwrap_or(ION.1);
        let answered = self
            .post_idx(href, ("application/json", accept), &Value::Object(body))
            .await?;
        Box::pin(self.digest(transaction, &form.name, answered)).await
    }

    /// Posts an action, which has no fields to fill in.
    pub(crate) async fn post_action(
        &self,
        transaction: Transaction,
        name: &str,
        feature: Feature,
    ) -> Result<Outcome, Error> {
        let document = &transaction.0.document;
        let form = match name {
            "poll" => document::poll(document),
            _ => document::action(document, name),
        };
        let form = form.ok_or(Error::Unsupported(feature))?.clone();
        let base = crate::step::Base::new(self, &transaction, &form);
        crate::RawForm { base }.submit(Map::new()).await
    }

    /// Takes an answer in and says where the transaction stands.
    async fn digest(
        &self,
        mut transaction: Transaction,
        posted: &str,
        answered: Answered,
    ) -> Result<Outcome, Error> {
        let Answered {
            status,
            document,
            retry_after,
            request_id,
        } = answered;
        let messages = document::messages(&document);
        let has_key = |key: &str| messages.iter().any(|m| m.key.as_deref() == Some(key));
        let first = document::remediations(&document)
            .first()
            .map(|form| form.name.as_str());
        if first.is_none() && has_key(SESSION_EXPIRED) {
            return Err(Error::Expired {
                restart: transaction.flow(),
            });
        }
        if let Some(path) = document::dangling_reference(&document) {
            let problem = format!("relatesTo {path:?} leads nowhere");
            let body = Secret::default();
            return Err(Box::new(ProtocolError {
                status,
                request_id,
                problem,
                body,
            })
            .into());
        }
        let is_end = document.success_with_interaction_code.is_some();
        if status == 429 && first.is_none() && !is_end {
            let scope = messages.first().and_then(|message| message.key.clone());
            return Err(Error::RateLimited { retry_after, scope });
        }
        // A server that has too much to do says so without its forms: the step stays where it is.
        if (500..=599).contains(&status) && first.is_none() && !is_end {
            return Err(Error::Unavailable {
                status,
                retry_after,
            });
        }
        let rejected = status >= 400 || (first == Some(posted) && !messages.is_empty());
        tracing::debug!(
            flow = %transaction.flow(),
            posted,
            status,
            rejected,
            next = first,
            request_id,
            "the server answered"
        );
        let replaced = (sets_password(posted) && !rejected) || has_key(PASSWORD_REPLACED);
        transaction.0.password_replaced |= replaced;
        transaction.0.recover_posted |= posted == "recover" && !rejected;
        self.note_sent_code(&mut transaction, posted, &document, rejected);
        transaction.take(*document, rejected);
        let mut outcome = if posted == "cancel" && !rejected {
            canceled(transaction)
        } else {
            let outcome = self.outcome_of(transaction)?;
            self.exchanged(outcome).await?
        };
        outcome.retry_after = retry_after;
        Ok(outcome)
    }

    /// Says where a transaction stands by its last answer.
    pub(crate) fn outcome_of(&self, transaction: Transaction) -> Result<Outcome, Error> {
        let document = &transaction.0.document;
        let rejected = transaction.0.rejected;
        let messages = document::messages(document);
        let state = if let Some(code) = document::interaction_code(document) {
            State::Success(Grant::Code(InteractionCode::new(code)))
        } else if let Some(href) = document::success_redirect(document) {
            State::Success(Grant::Redirect(href.into()))
        } else if let Some(step) = Step::of(self, &transaction) {
            State::Pending(step)
        } else if document.version.is_none()
            && document.state_handle.is_none()
            && messages.is_empty()
        {
            return Err(Error::protocol(0, "the transaction holds no answer"));
        } else {
            State::Terminal(Terminal {
                key: messages.iter().find_map(|message| message.key.clone()),
                succeeded: !rejected && !messages.iter().any(crate::Message::is_error),
                can_cancel: document.cancel.is_some(),
                code: code_for_other_device(document),
            })
        };
        let features = Features::of(document);
        let unused = Vec::new();
        Ok(Outcome {
            transaction,
            state,
            messages,
            features,
            rejected,
            unused,
            retry_after: None,
        })
    }

    /// Exchanges the code of a finished flow, where the call asked for that.
    async fn exchanged(&self, mut outcome: Outcome) -> Result<Outcome, Error> {
        if let State::Success(Grant::Code(code)) = &outcome.state
            && outcome.transaction.0.exchanges
        {
            match self.exchange(&outcome.transaction, code).await {
                Ok(tokens) => outcome.state = State::Success(Grant::Tokens(Box::new(tokens))),
                Err(cause) => return Err(exchange_failed(cause, outcome.transaction)),
            }
        }
        Ok(outcome)
    }

    /// Remembers when a code went out: another one can be asked for only after a while.
    fn note_sent_code(
        &self,
        transaction: &mut Transaction,
        posted: &str,
        document: &IdxResponse,
        rejected: bool,
    ) {
        let sends = matches!(
            posted,
            "resend"
                | "select-authenticator-authenticate"
                | "select-authenticator-enroll"
                | "authenticator-verification-data"
                | "authenticator-enrollment-data"
        );
        let sent_at = &mut transaction.0.code_sent_at;
        if document::action(document, "resend").is_none() {
            *sent_at = None;
        } else if (sends && !rejected) || sent_at.is_none() {
            *sent_at = Some(self.now());
        }
    }
}

/// Whether the form with this name takes a new password.
fn sets_password(name: &str) -> bool {
    matches!(
        name,
        "reset-authenticator" | "reenroll-authenticator" | "reenroll-authenticator-warning"
    )
}

/// The code on the page of a mail's link that was opened on another device.
fn code_for_other_device(document: &IdxResponse) -> Option<Secret> {
    let data = document
        .current_authenticator
        .as_ref()?
        .value
        .contextual_data
        .as_ref()?;
    data.extra.get("otp")?.as_str().map(Secret::from)
}

/// The server answers `cancel` with its first page: the same transaction can begin again.
fn canceled(mut transaction: Transaction) -> Outcome {
    transaction.0.identifier = None;
    transaction.0.recover_posted = false;
    transaction.0.code_sent_at = None;
    Outcome {
        messages: document::messages(&transaction.0.document),
        features: Features::of(&transaction.0.document),
        state: State::Canceled,
        rejected: false,
        unused: Vec::new(),
        retry_after: None,
        transaction,
    }
}

fn exchange_failed(cause: Error, transaction: Transaction) -> Error {
    let flow_effect = transaction
        .password_replaced()
        .then_some(FlowEffect::PasswordReplaced);
    let retry = cause.is_retryable().then(|| Box::new(transaction));
    Error::Exchange(Box::new(ExchangeError {
        cause,
        flow_effect,
        retry,
    }))
}
