//! No page has this address.

use axum::response::Response;
use http::StatusCode;

use crate::pages::error::{Link, NoticePage};
use crate::view::{Frame, Messages, render_with};
use crate::visit::Visit;

/// Any method, any path without a page.
pub(crate) async fn show(visit: Visit) -> Response {
    let page = NoticePage {
        frame: Frame::new(&visit, visit.t.not_found_heading).with_error(true),
        messages: Messages::none(),
        heading: visit.t.not_found_heading.to_owned(),
        lead: vec![visit.t.not_found_lead.to_owned()],
        code: None,
        next: Some(Link::new("/", visit.t.go_home)),
        reference: None,
    };
    visit.answer(render_with(StatusCode::NOT_FOUND, &page))
}
