//! `/`: who is signed in, or the way to sign in.

use askama::Template;
use axum::response::Response;

use crate::config::WebConfig;
use crate::failure::Failure;
use crate::pages::logout::SIGNED_OUT;
use crate::routing::Page;
use crate::sentences::fill;
use crate::session::{self, Session};
use crate::view::{Frame, Messages, Row, render};
use crate::visit::{Visit, new_entry_href};

#[derive(Template)]
#[template(path = "home_signed_out.html")]
struct SignedOutPage {
    frame: Frame,
    messages: Messages,
    login_href: String,
    recover_href: String,
    settings: Vec<Row>,
}

#[derive(Template)]
#[template(path = "home_signed_in.html")]
struct SignedInPage {
    frame: Frame,
    messages: Messages,
    heading: String,
    claims: Vec<Row>,
    settings: Vec<Row>,
}

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = async {
        match session::find(&visit).await? {
            Some(session) => signed_in(&visit, &session),
            None => signed_out(&visit),
        }
    }
    .await;
    visit.answer(result)
}

fn signed_out(visit: &Visit) -> Result<Response, Failure> {
    let messages = match visit.state() {
        Some(SIGNED_OUT) => Messages::info([visit.t.signed_out_notice.to_owned()]),
        _ => Messages::none(),
    };
    let frame = Frame {
        is_wide: true,
        ..Frame::new(visit, visit.t.home)
    };
    render(&SignedOutPage {
        frame,
        messages,
        login_href: new_entry_href(&Page::Login),
        recover_href: new_entry_href(&Page::Recover),
        settings: settings(visit),
    })
}

fn signed_in(visit: &Visit, session: &Session) -> Result<Response, Failure> {
    let name = ["name", "email", "preferred_username", "sub"]
        .iter()
        .find_map(|claim| session.claim(claim))
        .unwrap_or_default();
    let frame = Frame {
        is_wide: true,
        sign_out_csrf: Some(visit.csrf()),
        ..Frame::new(visit, visit.t.home)
    };
    render(&SignedInPage {
        frame,
        messages: Messages::info(news(visit, session)),
        heading: fill(visit.t.welcome, &[name]),
        claims: session
            .claims
            .iter()
            .map(|(name, value)| Row {
                name: name.clone(),
                value: value.clone(),
            })
            .collect(),
        settings: settings(visit),
    })
}

/// What the sign-in changed, while that is new.
fn news(visit: &Visit, session: &Session) -> Vec<String> {
    let Some(news) = session.fresh_news(visit.app.now()) else {
        return Vec::new();
    };
    let mut sentences = Vec::new();
    if news.password_changed {
        let others = match news.revoked_others {
            Some(true) => visit.t.others_signed_out,
            Some(false) => visit.t.others_stay,
            None => visit.t.others_server_decides,
        };
        sentences.push(format!("{} {others}", visit.t.password_changed));
    }
    sentences.extend(
        news.messages
            .iter()
            .filter(|text| !text.is_empty())
            .cloned(),
    );
    sentences
}

/// How the app is connected; the secret is never shown.
fn settings(visit: &Visit) -> Vec<Row> {
    let config = &visit.app.config;
    let secret = match &config.client_secret {
        Some(_) => "\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}\u{2022}",
        None => visit.t.public_client,
    };
    [
        (visit.t.issuer, config.issuer.as_str()),
        (visit.t.client_id, config.client_id.as_str()),
        (visit.t.client_secret, secret),
        (visit.t.base_url, visit.app.origin.as_str()),
        (visit.t.scopes, &WebConfig::SCOPES.join(" ")),
    ]
    .into_iter()
    .map(|(name, value)| Row {
        name: name.to_owned(),
        value: value.to_owned(),
    })
    .collect()
}
