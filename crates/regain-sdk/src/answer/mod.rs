//! The fields of an app's form, under any of the vendor's names.

mod resolve;

use std::fmt;

use serde_json::{Map, Value};

use crate::wire::idx::Form;
use crate::{Conflict, Error, Flow, IdxClient, Outcome, RawForm, Transaction, document};
use resolve::Resolver;

/// What a person filled in, for [`IdxClient::proceed`]: names and values as an HTML form sends
/// them.
///
/// Every name of the vendor's SDKs is understood (`username`, `verificationCode`, `newPassword`,
/// `authenticator`, …), so are the names of the wire (`identifier`, `credentials.passcode`) and
/// the commands `step`, `skip`, `resend`, `startPolling`, `actions`. Fields that were left empty
/// count as absent. It is strict: a name that means nothing is [`Error::UnknownInput`], one that
/// belongs to another step [`Error::NotAskedNow`], and two names of one thing with different
/// values [`Error::Conflict`]; nothing is sent then.
///
/// `Debug` shows the names only.
///
/// ```
/// use regain_sdk::Answer;
/// let answer = Answer::from_form([("verificationCode", "123456")]);
/// assert_eq!(format!("{answer:?}"), r#"Answer(["verificationCode"])"#);
/// ```
#[derive(Clone, Default, PartialEq)]
pub struct Answer {
    values: Vec<(String, Value)>,
}

impl Answer {
    /// Takes the pairs of a form.
    pub fn from_form<K: AsRef<str>, V: AsRef<str>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let values = pairs
            .into_iter()
            .map(|(name, value)| (name.as_ref().to_owned(), Value::from(value.as_ref())))
            .collect();
        Self { values }
    }

    /// Adds a value that need not be text.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.values.push((name.into(), value.into()));
        self
    }

    /// Takes a value out that is no field of a form.
    fn take(&mut self, name: &str) -> Option<Value> {
        let index = self.values.iter().position(|(key, _)| key == name)?;
        Some(self.values.remove(index).1)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.values.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_tuple("Answer").field(&names).finish()
    }
}

/// What a command asks for instead of filling in the open step.
enum Command {
    Action(String),
    Refresh,
}

/// Fills in the open step.
pub(crate) async fn proceed(
    client: &IdxClient,
    mut transaction: Transaction,
    mut answer: Answer,
) -> Result<Outcome, Error> {
    check_place(&transaction, &mut answer)?;
    if let Some(exchanges) = answer.take("exchangeCodeForTokens") {
        transaction.0.exchanges = flag("exchangeCodeForTokens", &exchanges)?;
    }
    let command = command(&mut answer)?;
    let step = answer.take("step");
    if let Some(command) = command {
        if let Some((key, _)) = answer.values.first() {
            let step = transaction.step_name().unwrap_or("a command").to_owned();
            return Err(Error::NotAskedNow {
                key: key.clone(),
                step,
            });
        }
        return match command {
            Command::Refresh => client.refresh(transaction).await,
            Command::Action(name) => client.form(&transaction, &name)?.submit(Map::new()).await,
        };
    }
    let (form, body) = match step.as_ref().and_then(Value::as_str) {
        Some(name) => {
            let form = client.form(&transaction, name)?;
            let body = Resolver::new(&form).resolve(&answer.values)?;
            (form, body)
        }
        None => fitting_form(client, &transaction, &answer)?,
    };
    form.submit(body).await
}

/// The first remediation that takes every value; the error is that of the first one of all.
fn fitting_form(
    client: &IdxClient,
    transaction: &Transaction,
    answer: &Answer,
) -> Result<(RawForm, Map<String, Value>), Error> {
    let mut first_error = None;
    for form in document::remediations(&transaction.0.document) {
        let raw = raw(client, transaction, form);
        match Resolver::new(&raw).resolve(&answer.values) {
            Ok(body) => return Ok((raw, body)),
            Err(e) => {
                first_error.get_or_insert(e);
            }
        }
    }
    Err(first_error.unwrap_or_else(|| Error::MissingInput {
        step: "a finished transaction".to_owned(),
        fields: Vec::new(),
    }))
}

fn raw(client: &IdxClient, transaction: &Transaction, form: &Form) -> RawForm {
    RawForm {
        base: crate::step::Base::new(client, transaction, form),
    }
}

/// Compares what says where the answer belongs with the transaction.
fn check_place(transaction: &Transaction, answer: &mut Answer) -> Result<(), Error> {
    if let Some(state) = answer.take("state")
        && !state
            .as_str()
            .is_some_and(|state| transaction.id().matches(state))
    {
        return Err(Conflict::Transaction.into());
    }
    if let Some(handle) = answer.take("stateHandle") {
        let document = &transaction.0.document;
        let ours = document::remediations(document)
            .first()
            .and_then(|form| document::state_handle(document, form))
            .or(document.state_handle.as_deref());
        if ours != handle.as_str() {
            return Err(Conflict::Transaction.into());
        }
    }
    let Some(flow) = answer.take("flow") else {
        return Ok(());
    };
    let saved = transaction.flow();
    let asked = match flow.as_str().unwrap_or_default() {
        "default" | "proceed" => return Ok(()),
        "authenticate" | "login" | "signin" => Flow::SignIn,
        "recoverPassword" | "resetPassword" => Flow::Recover,
        _ => {
            return Err(Error::NotAskedNow {
                key: "flow".to_owned(),
                step: saved.to_string(),
            });
        }
    };
    if saved == asked || saved == Flow::Open {
        Ok(())
    } else {
        Err(Conflict::Flow { saved, asked }.into())
    }
}

/// Takes the commands out. More than one at once is a conflict.
fn command(answer: &mut Answer) -> Result<Option<Command>, Error> {
    let mut found: Option<(&str, Command)> = None;
    for (key, action) in [
        ("skip", "skip"),
        ("resend", "resend"),
        ("startPolling", "poll"),
    ] {
        if let Some(value) = answer.take(key)
            && flag(key, &value)?
        {
            set_once(&mut found, key, Command::Action(action.to_owned()))?;
        }
    }
    if let Some(remediates) = answer.take("autoRemediate")
        && !flag("autoRemediate", &remediates)?
    {
        set_once(&mut found, "autoRemediate", Command::Refresh)?;
    }
    if let Some(actions) = answer.take("actions") {
        let name = match &actions {
            Value::String(name) => Some(name.as_str()),
            Value::Array(list) if list.len() == 1 => list.first().and_then(Value::as_str),
            _ => None,
        };
        let name = name.ok_or_else(|| Error::UnknownInput {
            key: "actions".to_owned(),
            expected: vec!["the name of one action".to_owned()],
        })?;
        // The vendor's name of an action says first where in the document it stands.
        let name = name
            .strip_prefix("currentAuthenticatorEnrollment-")
            .or_else(|| name.strip_prefix("currentAuthenticator-"))
            .unwrap_or(name);
        set_once(&mut found, "actions", Command::Action(name.to_owned()))?;
    }
    Ok(found.map(|(_, command)| command))
}

fn set_once<'a>(
    found: &mut Option<(&'a str, Command)>,
    key: &'a str,
    command: Command,
) -> Result<(), Error> {
    match found.replace((key, command)) {
        Some((first, _)) => Err(Conflict::Values {
            first: first.to_owned(),
            second: key.to_owned(),
        }
        .into()),
        None => Ok(()),
    }
}

/// Reads a checkbox or a boolean.
fn flag(key: &str, value: &Value) -> Result<bool, Error> {
    match value {
        Value::Bool(value) => Ok(*value),
        Value::String(text) if matches!(text.as_str(), "true" | "on" | "1" | "yes") => Ok(true),
        Value::String(text) if matches!(text.as_str(), "false" | "off" | "0" | "no" | "") => {
            Ok(false)
        }
        _ => Err(Error::UnknownInput {
            key: key.to_owned(),
            expected: vec!["true".to_owned(), "false".to_owned()],
        }),
    }
}
