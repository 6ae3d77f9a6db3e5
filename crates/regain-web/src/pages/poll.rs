//! `GET /poll`: a page that waits asks whether its flow went on, in a tab that a mail's link opened.
//! Nothing is asked of the engine: both tabs have the same transaction.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;

use crate::failure::Failure;
use crate::record::Ended;
use crate::routing::current_href;
use crate::visit::Visit;

/// What a waiting page is told.
#[derive(Serialize)]
struct Answer {
    /// Where to go on; none while everything is as it was.
    href: Option<String>,
}

/// GET, with the transaction in `state` and the page that waits in `page`.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = look(&visit).await;
    visit.answer(result.map(|href| Json(Answer { href }).into_response()))
}

async fn look(visit: &Visit) -> Result<Option<String>, Failure> {
    let Some(open) = visit.find_open().await? else {
        return Ok(Some("/".to_owned()));
    };
    let current = match &open.record.ended {
        Some(Ended::SignedIn) => "/".to_owned(),
        Some(Ended::Terminal { .. }) => format!("/terminal?state={}", open.id),
        None => match visit.client.resume(open.transaction.clone()) {
            Ok(outcome) => current_href(&outcome, &open.id),
            Err(regain_sdk::Error::Expired { .. }) => return Ok(None),
            Err(problem) => return Err(problem.into()),
        },
    };
    let waits_on = visit.query("page").unwrap_or_default();
    let path = current.split('?').next().unwrap_or_default();
    Ok((path != waits_on).then_some(current))
}
