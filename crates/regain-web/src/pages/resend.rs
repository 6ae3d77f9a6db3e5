//! `POST /challenge-authenticator/resend`: send a new code.

use axum::response::Response;
use regain_sdk::{State, Step};

use crate::advance::{Move, Note, advance};
use crate::form::PostedForm;
use crate::routing::Entry;
use crate::visit::Visit;

/// POST.
pub(crate) async fn submit(visit: Visit, form: PostedForm) -> Response {
    let now = visit.app.now();
    let result = advance(&visit, &form, Entry::Recover, move |outcome| async move {
        match outcome.state {
            State::Pending(Step::EnterCode(step)) if step.can_resend() => {
                let answer = step.resend().await;
                Move::noting(
                    answer,
                    Note {
                        resent_at: Some(now),
                        ..Note::default()
                    },
                )
            }
            _ => Ok(Move::OtherPage),
        }
    })
    .await;
    visit.answer(result)
}
