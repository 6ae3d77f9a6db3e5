//! One file per page: what GET shows and what its form does.

pub(crate) mod callback;
pub(crate) mod cancel;
pub(crate) mod challenge_code;
pub(crate) mod challenge_password;
pub(crate) mod change_password;
pub(crate) mod current;
pub(crate) mod enroll_code;
pub(crate) mod error;
pub(crate) mod home;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod not_found;
pub(crate) mod other_step;
pub(crate) mod poll;
pub(crate) mod recover_password;
pub(crate) mod resend;
pub(crate) mod reset_password;
pub(crate) mod select_authenticator;
pub(crate) mod skip;
pub(crate) mod terminal;
pub(crate) mod verify_authenticator;

use axum::response::Response;
use regain_sdk::{Outcome, Step};

use crate::failure::Failure;
use crate::record::Open;
use crate::routing::{Entry, Page, go_to_current, go_to_end};
use crate::visit::Visit;

/// What GET finds before it shows a step.
enum Look {
    /// The page's own step.
    Here(Box<(Open, Outcome)>),
    /// Somewhere else to go.
    Away(Response),
}

/// Finds the transaction for a page. An unknown one leads to the entry page, a finished one to its
/// end, and one at another step to the page of that step.
async fn look(
    visit: &Visit,
    entry: Entry,
    is_here: impl FnOnce(&Step) -> bool,
) -> Result<Look, Failure> {
    let Some(open) = visit.find_open().await? else {
        return Ok(Look::Away(entry.expired()));
    };
    if let Some(ended) = &open.record.ended {
        return Ok(Look::Away(go_to_end(ended, &open.id)));
    }
    match visit.client.resume(open.transaction.clone()) {
        Ok(outcome) if outcome.step().is_some_and(is_here) => {
            Ok(Look::Here(Box::new((open, outcome))))
        }
        Ok(_) => go_to_current(visit, open).map(Look::Away),
        Err(regain_sdk::Error::Expired { .. }) => {
            visit.forget(&open.id).await?;
            Ok(Look::Away(entry.expired()))
        }
        Err(problem) => Err(problem.into()),
    }
}

/// Whether a step is shown by this page.
fn is_on(page: &Page) -> impl Fn(&Step) -> bool + '_ {
    move |step| Page::of(step) == *page
}
