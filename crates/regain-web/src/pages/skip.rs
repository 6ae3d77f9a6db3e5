//! `POST /select-authenticator/skip`: leave an optional step out.

use axum::response::Response;

use crate::advance::{Move, advance};
use crate::form::PostedForm;
use crate::routing::Entry;
use crate::visit::Visit;

/// POST.
pub(crate) async fn submit(visit: Visit, form: PostedForm) -> Response {
    let client = visit.client.clone();
    let result = advance(&visit, &form, Entry::Login, move |outcome| async move {
        if outcome.features.can_skip {
            Move::of(client.skip(outcome.transaction).await)
        } else {
            Ok(Move::OtherPage)
        }
    })
    .await;
    visit.answer(result)
}
