//! The run of a flow with values that were given up front.

use crate::step::IdentifyPurpose;
use crate::transaction::StartOptions;
use crate::{
    Conflict, Error, Feature, Flow, IdentifyStep, IdxClient, MethodStep, NewPasswordStep, Outcome,
    PasswordStep, ResetOptions, Secret, SelectStep, Step, Transaction, authenticator_key,
};

/// The values, one per kind of step.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) identifier: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) remember_me: bool,
    pub(super) authenticator: Option<String>,
    pub(super) method_type: Option<String>,
    pub(super) code: Option<Secret>,
    pub(super) new_password: Option<Secret>,
    pub(super) revoke_other_sessions: bool,
    pub(super) auto_select_single: bool,
}

/// What a flow needs to run.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) client: IdxClient,
    pub(super) flow: Flow,
    pub(super) options: StartOptions,
    pub(super) values: Values,
    pub(super) open: Option<Transaction>,
    pub(super) replaces_open: bool,
    /// The authenticator that this run chose: its only method needs no choice.
    chosen: Option<String>,
}

impl Script {
    pub(super) fn new(client: IdxClient, flow: Flow) -> Self {
        Self {
            client,
            flow,
            options: StartOptions::default(),
            values: Values::default(),
            open: None,
            replaces_open: false,
            chosen: None,
        }
    }

    /// Runs until a question that has no answer, a refusal, or the end.
    pub(super) async fn run(mut self) -> Result<Outcome, Error> {
        let mut outcome = self.begin().await?;
        for _ in 0..self.client.config().auto_steps_max {
            let Some(next) = self.turn(&outcome).await? else {
                break;
            };
            outcome = next;
            if outcome.rejected {
                break;
            }
        }
        outcome.unused = self.values.names();
        Ok(outcome)
    }

    /// Starts, or goes on with the open transaction.
    async fn begin(&mut self) -> Result<Outcome, Error> {
        let Some(mut open) = self.open.take() else {
            return self.client.start(self.flow, &self.options).await;
        };
        match self.conflict_with(&open) {
            None => {
                open.0.flow = self.flow;
                if open
                    .step_name()
                    .is_some_and(|name| !name.starts_with("identify"))
                {
                    // The step is behind us, with the same account.
                    self.values.identifier = None;
                }
                self.client.resume(open)
            }
            Some(_) if self.replaces_open => {
                let outcome = self.client.start(self.flow, &self.options).await?;
                // What cannot be cancelled is forgotten by the server in time.
                drop(self.client.cancel(open).await);
                Ok(outcome)
            }
            Some(conflict) => Err(conflict.into()),
        }
    }

    fn conflict_with(&self, open: &Transaction) -> Option<Conflict> {
        let saved = open.flow();
        if saved != self.flow && saved != Flow::Open {
            return Some(Conflict::Flow {
                saved,
                asked: self.flow,
            });
        }
        let asks_again = open
            .step_name()
            .is_some_and(|name| name.starts_with("identify"));
        match (open.identifier(), self.values.identifier.as_deref()) {
            (Some(saved), Some(asked)) if !asks_again && saved.trim() != asked.trim() => {
                Some(Conflict::Identifier)
            }
            _ => None,
        }
    }

    /// Answers the open step, if there is a value for it.
    async fn turn(&mut self, outcome: &Outcome) -> Result<Option<Outcome>, Error> {
        let seeks_recovery = self.flow == Flow::Recover && !is_recovering(&outcome.transaction);
        let Some(step) = outcome.step() else {
            return Ok(None);
        };
        match step {
            Step::Identify(step) => self.identify(step.clone(), seeks_recovery).await,
            Step::EnterPassword(step) => self.password(step.clone(), seeks_recovery).await,
            Step::SelectAuthenticator(step) => self.select(step.clone(), seeks_recovery).await,
            Step::ChooseMethod(step) => self.method(step.clone()).await,
            Step::EnterCode(step) => match self.values.code.take() {
                Some(code) => step.clone().submit(code.expose()).await.map(Some),
                None => Ok(None),
            },
            Step::SetPassword(step) => self.new_password(step.clone()).await,
            Step::Wait(_) | Step::RedirectToIdp(_) | Step::Other(_) => Ok(None),
        }
    }

    async fn identify(
        &mut self,
        step: IdentifyStep,
        seeks_recovery: bool,
    ) -> Result<Option<Outcome>, Error> {
        if seeks_recovery && step.purpose() == IdentifyPurpose::SignIn {
            if step.can_recover_password() {
                return step.recover_password().await.map(Some);
            }
            if step.wants_password() {
                return Err(Error::Unsupported(Feature::RecoverPassword));
            }
        }
        if !step.wants_password() {
            return match self.values.identifier.take() {
                Some(identifier) => step.submit(&identifier).await.map(Some),
                None => Ok(None),
            };
        }
        let values = &mut self.values;
        match (values.identifier.take(), values.password.take()) {
            (Some(identifier), Some(password)) => {
                let remember = step.can_remember() && std::mem::take(&mut values.remember_me);
                step.submit_with_password(&identifier, &password, remember)
                    .await
                    .map(Some)
            }
            (identifier, password) => {
                (values.identifier, values.password) = (identifier, password);
                Ok(None)
            }
        }
    }

    async fn password(
        &mut self,
        step: PasswordStep,
        seeks_recovery: bool,
    ) -> Result<Option<Outcome>, Error> {
        if seeks_recovery {
            return step.recover_password().await.map(Some);
        }
        match self.values.password.take() {
            Some(password) => step.submit(&password).await.map(Some),
            None => Ok(None),
        }
    }

    async fn select(
        &mut self,
        step: SelectStep,
        seeks_recovery: bool,
    ) -> Result<Option<Outcome>, Error> {
        let has = |value: &str| step.choices().iter().any(|choice| choice.value == value);
        // Only the password leads to its recovery; proving something else would sign in.
        if seeks_recovery {
            if !has(authenticator_key::PASSWORD) {
                return Err(Error::Unsupported(Feature::RecoverPassword));
            }
            return step.choose(authenticator_key::PASSWORD).await.map(Some);
        }
        let single = match step.choices() {
            [only] if self.values.auto_select_single => Some(only.value.clone()),
            _ => None,
        };
        let Some(value) = self
            .values
            .authenticator
            .take_if(|value| has(value))
            .or(single)
        else {
            return Ok(None);
        };
        self.chosen = Some(value.clone());
        let choice = step.choices().iter().find(|choice| choice.value == value);
        let takes = |method: &mut String| {
            choice.is_some_and(|choice| choice.methods.iter().any(|m| m.value == *method))
        };
        match self.values.method_type.take_if(takes) {
            Some(method) => step.choose_method(&value, &method).await.map(Some),
            None => step.choose(&value).await.map(Some),
        }
    }

    async fn method(&mut self, step: MethodStep) -> Result<Option<Outcome>, Error> {
        let choices = step.choices();
        let key = step.authenticator_key().map(str::to_owned);
        // A server may skip the choice of the only authenticator and ask for its method.
        let wanted = self
            .values
            .authenticator
            .take_if(|value| Some(&*value) == key.as_ref());
        let is_chosen = wanted
            .or_else(|| self.chosen.clone())
            .is_some_and(|it| Some(it) == key);
        let takes = |method: &mut String| choices.iter().any(|choice| choice.value == *method);
        let method = match (self.values.method_type.take_if(takes), choices.as_slice()) {
            (Some(method), _) => Some(method),
            (None, [only]) if is_chosen || self.values.auto_select_single => {
                Some(only.value.clone())
            }
            (None, _) => None,
        };
        match method {
            Some(method) => step.choose(&method).await.map(Some),
            None => Ok(None),
        }
    }

    async fn new_password(&mut self, step: NewPasswordStep) -> Result<Option<Outcome>, Error> {
        let Some(password) = self.values.new_password.take() else {
            return Ok(None);
        };
        let mut options = ResetOptions::default();
        if step.can_revoke_other_sessions() {
            options.revoke_other_sessions = std::mem::take(&mut self.values.revoke_other_sessions);
        }
        step.submit(&password, options).await.map(Some)
    }
}

/// Whether the way to a new password is open already.
fn is_recovering(transaction: &Transaction) -> bool {
    let document = &transaction.0.document;
    transaction.0.recover_posted
        || document.recovery_authenticator.is_some()
        || matches!(
            transaction.step_name(),
            Some("identify-recovery" | "reset-authenticator")
        )
}

impl Values {
    /// The names of those that are left.
    fn names(&self) -> Vec<&'static str> {
        let left = [
            ("identifier", self.identifier.is_some()),
            ("password", self.password.is_some()),
            ("remember_me", self.remember_me),
            ("via", self.authenticator.is_some()),
            ("method", self.method_type.is_some()),
            ("code", self.code.is_some()),
            ("new_password", self.new_password.is_some()),
            ("revoke_other_sessions", self.revoke_other_sessions),
        ];
        left.into_iter()
            .filter_map(|(name, is_left)| is_left.then_some(name))
            .collect()
    }
}
