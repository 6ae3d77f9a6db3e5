//! How a form moves a transaction: check whose turn it is, call the SDK, keep the outcome, go on
//! to the page of the next step. Every form of a running flow passes through here.

use std::future::Future;

use axum::response::Response;
use regain_sdk::{Error, Grant, Outcome, State};

use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::error;
use crate::record::Mistake;
use crate::routing::{Entry, current_href, go_to_current, go_to_end};
use crate::session;
use crate::turn::Turn;
use crate::visit::{Visit, go_to};

/// What a page made of its form.
pub(crate) enum Move {
    /// The server was asked; boxed because an outcome is large.
    To(Box<Outcome>, Note),
    /// Something is missing or wrong; nothing was sent.
    Mistake(Mistake),
    /// The transaction is at another page's step.
    OtherPage,
}

/// What our pages remember about a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    /// When a new code was asked for, in seconds since 1970.
    pub resent_at: Option<i64>,
    /// Whether other devices are to be signed out, where the form could ask for it.
    pub revoked_others: Option<bool>,
}

impl Move {
    /// A call of the SDK as a move. What the SDK refuses before sending anything is a mistake in
    /// the form.
    pub(crate) fn of(result: Result<Outcome, Error>) -> Result<Self, Failure> {
        Self::noting(result, Note::default())
    }

    /// The same with something to remember.
    pub(crate) fn noting(result: Result<Outcome, Error>, note: Note) -> Result<Self, Failure> {
        match result {
            Ok(outcome) => Ok(Self::To(Box::new(outcome), note)),
            Err(
                Error::UnknownInput { .. } | Error::MissingInput { .. } | Error::NotAskedNow { .. },
            ) => Ok(Self::Mistake(Mistake::NotAccepted)),
            Err(problem) => Err(problem.into()),
        }
    }
}

/// Takes a form of a running flow. `step` gets the outcome as it was kept, without a request.
pub(crate) async fn advance<F, Made>(
    visit: &Visit,
    form: &PostedForm,
    entry: Entry,
    step: F,
) -> Result<Response, Failure>
where
    F: FnOnce(Outcome) -> Made,
    Made: Future<Output = Result<Move, Failure>>,
{
    let Some(id) = visit.state() else {
        return Ok(entry.expired());
    };
    let _turn = visit.app.turns.take(id).await;
    let Some(mut open) = visit.find_transaction(id).await? else {
        return Ok(entry.expired());
    };
    if let Some(ended) = &open.record.ended {
        return Ok(go_to_end(ended, &open.id));
    }
    let Some(turn) = Turn::parse(form.text("turn")) else {
        return Ok(error::bad_request(
            &visit.app,
            http::StatusCode::BAD_REQUEST,
        ));
    };
    if turn.version != open.version {
        // The same form again is a second press of its button; another one is an older page.
        let is_second_press = open.record.answered.as_deref() == Some(&turn.name);
        return if is_second_press {
            go_to_current(visit, open)
        } else {
            error::moved_on(visit, open)
        };
    }
    open.record.answered = Some(turn.name);
    let made = match visit.client.resume(open.transaction.clone()) {
        Ok(before) => step(before).await,
        Err(problem) => Err(problem.into()),
    };
    match made {
        Ok(Move::To(outcome, note)) => {
            let revoked_others = note.revoked_others.or(open.record.revoked_others);
            let note = Note {
                revoked_others,
                ..note
            };
            visit.keep_next(&open, &outcome, note).await?;
            finish(visit, *outcome, revoked_others).await
        }
        Ok(Move::Mistake(mistake)) => {
            open.record.mistake = Some(mistake);
            visit.keep_same(&open).await?;
            go_to_current(visit, open)
        }
        Ok(Move::OtherPage) => go_to_current(visit, open),
        Err(Failure::Sdk(Error::Expired { .. })) => {
            visit.forget(&open.id).await?;
            Ok(entry.expired())
        }
        Err(Failure::Sdk(problem)) => {
            // The flow is at its end and the transaction is used up: there is no way back.
            if matches!(problem, Error::Exchange(_)) {
                visit.forget(&open.id).await?;
            }
            Err(problem.into())
        }
        Err(failure) => Err(failure),
    }
}

/// Goes to the page of an outcome that was kept; a finished flow starts a session.
pub(crate) async fn finish(
    visit: &Visit,
    outcome: Outcome,
    revoked_others: Option<bool>,
) -> Result<Response, Failure> {
    let id = outcome.transaction.id().as_str().to_owned();
    match outcome.state {
        State::Success(Grant::Tokens(ref tokens)) => {
            session::start(visit, tokens, &outcome, revoked_others).await
        }
        State::Success(_) => Err(Failure::Bug("a finished flow gave no tokens")),
        State::Canceled => {
            visit.forget(&id).await?;
            Ok(go_to("/"))
        }
        _ => Ok(go_to(&current_href(&outcome, &id))),
    }
}
