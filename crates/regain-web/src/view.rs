//! What templates are given: the frame around a page, messages, forms, progress.

mod messages;
mod progress;

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use http::StatusCode;

pub(crate) use messages::{MessageLine, Messages};
pub(crate) use progress::{Progress, RecoveryStep};

use crate::app::App;
use crate::assets::{AssetUrls, URLS};
use crate::failure::Failure;
use crate::record::Open;
use crate::sentences::{ENGLISH, Sentences};
use crate::system::unix_seconds;
use crate::turn::Turn;
use crate::visit::Visit;

/// The frame around every page.
pub(crate) struct Frame {
    pub t: &'static Sentences,
    pub assets: &'static AssetUrls,
    /// Addresses of the operator's colours and logo.
    pub brand_style: Option<String>,
    pub brand_logo: Option<String>,
    pub app_name: String,
    pub support_url: Option<String>,
    /// What the page is about, for the title.
    pub title: String,
    /// Whether the page shows an error; the title says so first.
    pub is_error: bool,
    pub is_wide: bool,
    /// The token of the sign-out form, where somebody is signed in.
    pub sign_out_csrf: Option<String>,
}

impl Frame {
    /// A frame in the browser's language.
    pub(crate) fn new(visit: &Visit, title: &str) -> Self {
        Self {
            t: visit.t,
            ..Self::plain(&visit.app, title)
        }
    }

    /// A frame for a page that is shown before the browser is known.
    pub(crate) fn plain(app: &App, title: &str) -> Self {
        Self {
            t: &ENGLISH,
            assets: &URLS,
            brand_style: app.brand_assets.style.as_ref().map(|(url, _)| url.clone()),
            brand_logo: app.brand_assets.logo.clone(),
            app_name: app.config.app_name.clone(),
            support_url: app.config.support_url.as_ref().map(ToString::to_string),
            title: title.to_owned(),
            is_error: false,
            is_wide: false,
            sign_out_csrf: None,
        }
    }

    /// Marks the title of a page that shows an error.
    pub(crate) fn with_error(mut self, is_error: bool) -> Self {
        self.is_error = is_error;
        self
    }
}

/// What every form of a page carries.
pub(crate) struct FormView {
    pub csrf: String,
    /// The transaction, once there is one.
    pub state: Option<String>,
    /// Which rendering of which version it is.
    pub turn: Option<Turn>,
    /// When the transaction ends.
    pub ends_in_seconds: Option<i64>,
}

impl FormView {
    /// The form of an entry page, before there is a transaction.
    pub(crate) fn fresh(visit: &Visit) -> Self {
        Self {
            csrf: visit.csrf(),
            state: None,
            turn: None,
            ends_in_seconds: None,
        }
    }

    /// The forms of a transaction's page.
    pub(crate) fn of(visit: &Visit, open: &Open) -> Self {
        let ends_at = unix_seconds(open.transaction.expires_at());
        Self {
            csrf: visit.csrf(),
            state: Some(open.id.clone()),
            turn: Some(Turn::new(open.version)),
            ends_in_seconds: Some(ends_at.saturating_sub(visit.app.now()).max(0)),
        }
    }

    /// The transaction for an address.
    pub(crate) fn state_or_empty(&self) -> &str {
        self.state.as_deref().unwrap_or_default()
    }
}

/// One way of going on, as a radio button.
pub(crate) struct ChoiceView {
    pub element_id: String,
    pub value: String,
    pub key: String,
    pub label: String,
    pub help: String,
    pub is_checked: bool,
}

/// A row of a table.
pub(crate) struct Row {
    pub name: String,
    pub value: String,
}

/// Writes a page.
pub(crate) fn render(page: &impl Template) -> Result<Response, Failure> {
    render_with(StatusCode::OK, page)
}

/// Writes a page with a status of its own.
pub(crate) fn render_with(status: StatusCode, page: &impl Template) -> Result<Response, Failure> {
    Ok((status, Html(page.render()?)).into_response())
}
