//! The message box of a page.

use regain_sdk::Outcome;

use crate::record::{Open, plain};
use crate::sentences::fill;
use crate::visit::Visit;

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageLine {
    pub text: String,
    /// The id of the input that it is about.
    pub field: Option<&'static str>,
}

/// The messages of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Messages {
    pub items: Vec<MessageLine>,
    /// Whether something was refused.
    pub is_negative: bool,
    /// Whether the page opens with the focus on the box.
    pub takes_focus: bool,
}

impl Messages {
    /// Nothing to say.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    /// Something to know.
    pub(crate) fn info(texts: impl IntoIterator<Item = String>) -> Self {
        let items = texts
            .into_iter()
            .map(|text| MessageLine { text, field: None })
            .collect();
        Self {
            items,
            ..Self::default()
        }
    }

    /// One mistake that our own check found.
    pub(crate) fn mistake(text: &str, field: &'static str) -> Self {
        Self {
            items: vec![MessageLine {
                text: text.to_owned(),
                field: Some(field),
            }],
            is_negative: true,
            takes_focus: true,
        }
    }

    /// What the server said. Messages about a field link to `input`, the page's only one.
    pub(crate) fn of(
        visit: &Visit,
        open: &Open,
        outcome: &Outcome,
        input: Option<&'static str>,
    ) -> Self {
        let mut items: Vec<MessageLine> = Vec::new();
        let said = || {
            outcome
                .messages
                .iter()
                .map(|message| (message, plain(message)))
        };
        // What a page says anyway has no place beside what was wrong.
        let has_error = said().any(|(_, (_, is_error))| is_error);
        let mut is_negative = outcome.rejected || has_error;
        for (message, (text, is_error)) in said() {
            if has_error && !is_error {
                continue;
            }
            let field = input.filter(|_| message.field.is_some() || is_error);
            if !text.is_empty() && !items.iter().any(|item| item.text == text) {
                items.push(MessageLine { text, field });
            }
        }
        is_negative &= !items.is_empty();
        // How long to wait belongs into the same sentence: the box holds one message.
        let wait = open
            .record
            .retry_at
            .map_or(0, |at| at.saturating_sub(visit.app.now()));
        if let Some(first) = items.first_mut().filter(|_| is_negative && wait > 0) {
            let advice = fill(visit.t.busy_wait, &[&wait.to_string()]);
            first.text = format!("{}. {advice}", first.text.trim_end_matches('.'));
        }
        Self {
            takes_focus: is_negative,
            items,
            is_negative,
        }
    }

    /// Says the same as something to know: nothing was refused.
    pub(crate) fn informing(self) -> Self {
        Self {
            is_negative: false,
            takes_focus: false,
            ..self
        }
    }

    /// Leaves the focus where the page puts it.
    pub(crate) fn without_focus(mut self) -> Self {
        self.takes_focus = false;
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The class of the box.
    pub(crate) fn class(&self) -> &'static str {
        if self.is_negative { "negative" } else { "info" }
    }

    /// The first message, to repeat at the field, if something was refused.
    pub(crate) fn error_text(&self) -> Option<String> {
        let first = self.items.first().filter(|_| self.is_negative)?;
        Some(first.text.clone())
    }
}
