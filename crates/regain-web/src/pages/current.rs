//! `/continue`: the page of the current step, whichever that is. Error pages link here.

use axum::response::Response;

use crate::failure::Failure;
use crate::routing::{Entry, go_to_current};
use crate::visit::Visit;

/// GET.
pub(crate) async fn show(visit: Visit) -> Response {
    let result = async {
        match visit.find_open().await? {
            Some(open) => go_to_current(&visit, open),
            None => Ok::<_, Failure>(Entry::Login.expired()),
        }
    }
    .await;
    visit.answer(result)
}
