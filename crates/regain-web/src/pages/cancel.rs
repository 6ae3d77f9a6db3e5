//! `POST /cancel`: give the transaction up and go home.

use axum::response::Response;

use crate::failure::Failure;
use crate::form::PostedForm;
use crate::pages::login::abandon;
use crate::visit::{Visit, go_to};

/// POST. The form's own check is all that is needed: giving up is the same from every step.
pub(crate) async fn submit(visit: Visit, _form: PostedForm) -> Response {
    let result = async {
        if let Some(open) = visit.find_open().await? {
            let _turn = visit.app.turns.take(&open.id).await;
            abandon(&visit, open).await?;
        }
        Ok::<_, Failure>(go_to("/"))
    }
    .await;
    visit.answer(result)
}
