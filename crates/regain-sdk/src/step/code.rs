//! `challenge-authenticator` and `enroll-authenticator` with a code.

use std::time::Duration;

use serde_json::{Map, json};

use super::{Base, PollStream, post_action};
use crate::document;
use crate::wire::idx::ContextualData;
use crate::{Error, Feature, Outcome};

/// How long after a code was sent the next one can be asked for, when the server does not say:
/// the time after which the vendor's pages show the link.
/// Source: `idx-wire` contract §6.5.
const RESEND_AFTER: Duration = Duration::from_secs(30);

/// Asks for a code.
#[derive(Clone, Debug)]
pub struct CodeStep {
    pub(crate) base: Box<Base>,
}

impl CodeStep {
    /// The masked destination, where it may be shown: `m***y@acme.test`.
    #[must_use]
    pub fn destination(&self) -> Option<&str> {
        super::select::destination(self.base.authenticator.as_ref()?)
    }

    /// What people call the authenticator.
    #[must_use]
    pub fn authenticator_name(&self) -> Option<&str> {
        self.base.authenticator.as_ref()?.display_name.as_deref()
    }

    /// The fewest and the most characters of a code, where the server says so.
    #[must_use]
    pub fn code_length(&self) -> (Option<u32>, Option<u32>) {
        let field = self.base.nested("credentials", self.code_field());
        field.map_or((None, None), |field| (field.min_length, field.max_length))
    }

    /// Whether the code shows that a new authenticator works; else it proves who somebody is.
    #[must_use]
    pub fn is_enrollment(&self) -> bool {
        self.name() == "enroll-authenticator"
    }

    /// What an authenticator app reads while it is set up: a picture, as a data URL.
    /// Source: `idx-wire` contract §4.6.
    #[must_use]
    pub fn qr_code(&self) -> Option<&str> {
        let picture = self.contextual_data()?.qrcode.as_ref()?;
        Some(&picture.href)
    }

    /// The same as people type it into an app: base32.
    #[must_use]
    pub fn shared_secret(&self) -> Option<&str> {
        self.contextual_data()?.shared_secret.as_deref()
    }

    /// Whether the code also comes as a link that the same browser may open.
    #[must_use]
    pub fn has_link(&self) -> bool {
        let data = self.contextual_data();
        data.and_then(|data| data.use_email_magic_link) == Some(true)
    }

    /// Whether the server offers to send the code again.
    #[must_use]
    pub fn can_resend(&self) -> bool {
        document::action(self.document(), "resend").is_some()
    }

    /// How long to wait before the code may be sent again; zero when it may be now, `None` where
    /// it is not offered.
    #[must_use]
    pub fn resend_after(&self) -> Option<Duration> {
        let form = document::action(self.document(), "resend")?;
        let interval = form.refresh.map_or(RESEND_AFTER, Duration::from_millis);
        let sent_at = self.base.transaction.0.code_sent_at;
        let waited = sent_at.map(|at| {
            self.base
                .client
                .now()
                .duration_since(at)
                .unwrap_or_default()
        });
        Some(waited.map_or(Duration::ZERO, |waited| interval.saturating_sub(waited)))
    }

    /// How often to ask whether the proof came in elsewhere; `None` where it is not offered.
    #[must_use]
    pub fn poll_interval(&self) -> Option<Duration> {
        super::poll::interval(self.document())
    }

    /// Whether another authenticator can be chosen instead.
    #[must_use]
    pub fn can_choose_another(&self) -> bool {
        document::remediation(self.document(), self.choice()).is_some()
    }

    /// Sends the code as it was typed; spaces around it and in it do not count.
    ///
    /// # Errors
    /// As every call. A wrong code is no error: the outcome is `rejected`.
    pub async fn submit(self, code: &str) -> Result<Outcome, Error> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        if digits.is_empty() {
            let field = format!("credentials.{}", self.code_field());
            return Err(Error::MissingInput {
                step: self.name().to_owned(),
                fields: vec![field],
            });
        }
        let mut values = Map::new();
        values.insert(
            "credentials".to_owned(),
            json!({ self.code_field(): digits }),
        );
        self.into_raw().submit(values).await
    }

    /// Asks for another code.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn resend(self) -> Result<Outcome, Error> {
        post_action(self.base, "resend", Feature::Resend).await
    }

    /// Asks once whether the proof came in elsewhere.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it, else as every call.
    pub async fn poll_once(self) -> Result<Outcome, Error> {
        post_action(self.base, "poll", Feature::Poll).await
    }

    /// Keeps asking, in the server's interval, until something has changed. Dropping the stream
    /// ends it.
    #[must_use]
    pub fn poll(self) -> PollStream {
        PollStream::new(*self.base)
    }

    /// Chooses another authenticator: the step with the choices, without a request.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the server does not offer it.
    pub fn choose_another(self) -> Result<super::SelectStep, Error> {
        let choice = self.choice();
        let base = *self.base;
        let document = &base.transaction.0.document;
        let form = document::remediation(document, choice)
            .ok_or(Error::Unsupported(Feature::SelectAuthenticator))?;
        Ok(super::SelectStep::new(Base::new(
            &base.client,
            &base.transaction,
            form,
        )))
    }

    /// The form that chooses among authenticators of this one's kind.
    fn choice(&self) -> &'static str {
        if self.is_enrollment() {
            "select-authenticator-enroll"
        } else {
            "select-authenticator-authenticate"
        }
    }

    fn contextual_data(&self) -> Option<&ContextualData> {
        self.base.authenticator.as_ref()?.contextual_data.as_ref()
    }

    fn document(&self) -> &crate::wire::idx::IdxResponse {
        &self.base.transaction.0.document
    }

    /// Okta Verify's form names its field `totp`.
    fn code_field(&self) -> &'static str {
        if self.base.nested("credentials", "passcode").is_some() {
            "passcode"
        } else {
            "totp"
        }
    }
}
