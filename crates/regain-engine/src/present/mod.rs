//! Shows a flow as an IDX document (`idx-wire` §4 to §6): the offers, rendered.

mod authenticators;
mod forms;

use regain_types::{KeyRing, OrgId};
use regain_wire::idx::{
    App, Collection, Form, I18n, IdxResponse, Message, MessageClass, Object, User, UserProfile,
    VERSION,
};
use serde_json::Value;

use crate::authenticators::Proof;
use crate::flow::{Climb, Completed, Ending, Flow, Stage};
use crate::need::UserFacts;
use crate::notice::{Notice, Place};
use crate::offers::{Holder, Offer, Offers, offers};
use crate::policy::Policy;

/// What a document needs besides the flow.
#[derive(Debug)]
pub struct Frame<'a> {
    /// The org's origin, from configuration only (B3).
    pub base_url: &'a str,
    /// The flow's handle, as the client knows it.
    pub state_handle: &'a str,
    /// The org.
    pub org: &'a OrgId,
    /// What people call it.
    pub org_name: &'a str,
    /// The org's keys.
    pub keys: &'a KeyRing,
    /// The org's settings.
    pub policy: &'a Policy,
    /// The user, if the flow's identifier names one. It is shown only after a proof (E-03).
    pub user: Option<&'a UserFacts>,
}

/// The document of a flow, with messages.
#[must_use]
pub fn present(flow: &Flow, frame: &Frame<'_>, notices: &[Notice]) -> IdxResponse {
    match &flow.stage {
        Stage::Dead => present_terminal(&[Notice::SessionExpired]),
        Stage::Completed(Completed {
            ending: Ending::PasswordChanged,
            ..
        }) => present_terminal(&[Notice::RecoveryCompleted]),
        Stage::Completed(Completed {
            ending: Ending::InteractionCode,
            user,
            ..
        }) => IdxResponse {
            user: Some(Object::of(User {
                id: Some(user.as_str().to_owned()),
                ..User::default()
            })),
            success_with_interaction_code: Some(forms::issue(flow, frame)),
            app: Some(app(flow)),
            ..envelope(flow, frame)
        },
        Stage::ChallengeAuthenticator { .. }
        | Stage::ConfirmAuthenticator { .. }
        | Stage::EnrollAuthenticator { .. }
        | Stage::Identify
        | Stage::IdentifyRecovery
        | Stage::ReenrollAuthenticator { .. }
        | Stage::ResetAuthenticator { .. }
        | Stage::SelectAuthenticator { .. }
        | Stage::SelectAuthenticatorEnroll { .. } => match standing_notice(flow, notices) {
            Some(standing) => page(flow, frame, &[notices, &[standing]].concat()),
            None => page(flow, frame, notices),
        },
    }
}

/// What a page says for as long as it is there, and there is nothing else to say.
fn standing_notice(flow: &Flow, notices: &[Notice]) -> Option<Notice> {
    let Stage::ReenrollAuthenticator {
        days_left: Some(days_left),
        ..
    } = flow.stage
    else {
        return None;
    };
    let is_quiet = notices.iter().all(|notice| notice.place() != Place::Top);
    is_quiet.then(|| Notice::PasswordExpiring {
        app: flow.app.label.clone(),
        days_left,
    })
}

/// A document without a flow: nothing is left to do.
#[must_use]
pub fn present_terminal(notices: &[Notice]) -> IdxResponse {
    IdxResponse {
        version: Some(VERSION.to_owned()),
        messages: messages(notices, None),
        ..IdxResponse::default()
    }
}

fn envelope(flow: &Flow, frame: &Frame<'_>) -> IdxResponse {
    IdxResponse {
        version: Some(VERSION.to_owned()),
        state_handle: Some(frame.state_handle.to_owned()),
        expires_at: Some(flow.expires_at.to_string()),
        intent: Some("LOGIN".to_owned()),
        ..IdxResponse::default()
    }
}

fn app(flow: &Flow) -> Object<App> {
    Object::of(App {
        name: Some("oidc_client".to_owned()),
        label: Some(flow.app.label.clone()),
        id: Some(flow.app.client_id.as_str().to_owned()),
        ..App::default()
    })
}

fn page(flow: &Flow, frame: &Frame<'_>, notices: &[Notice]) -> IdxResponse {
    let list = offers(flow, frame.policy);
    let shown = shown_user(flow, frame);
    let mut document = IdxResponse {
        remediation: Some(Collection::of(remediations(flow, frame, &list, notices))),
        messages: messages(notices, Some(Place::Top)),
        user: flow.climb().map(|climb| Object::of(user(climb, shown))),
        cancel: list
            .iter()
            .find(|offer| **offer == Offer::Cancel)
            .map(|offer| forms::action(*offer, frame)),
        app: Some(app(flow)),
        captcha: flow
            .work
            .as_ref()
            .filter(|_| list.iter().any(|offer| *offer == Offer::IdentifyRecovery))
            .map(|demand| Object::of(forms::captcha(demand, frame))),
        ..envelope(flow, frame)
    };
    authenticators::describe(&mut document, flow, frame, shown);
    attach_actions(&mut document, &list, frame);
    document
}

/// The user whose data may be shown: after a proof, or where the org does not hide people.
fn shown_user<'a>(flow: &Flow, frame: &Frame<'a>) -> Option<&'a UserFacts> {
    let climb = flow.climb()?;
    let proved = climb
        .proofs
        .iter()
        .any(|proof: &Proof| proof.proved_at() >= flow.created_at);
    let user = frame
        .user
        .filter(|user| climb.who.subject.known() == Some(&user.id))?;
    (proved || !frame.policy.enumeration_prevention).then_some(user)
}

fn user(climb: &Climb, shown: Option<&UserFacts>) -> User {
    let Some(user) = shown else {
        return User {
            identifier: Some(climb.who.typed.clone()),
            ..User::default()
        };
    };
    User {
        id: Some(user.id.as_str().to_owned()),
        identifier: Some(user.login.clone()),
        profile: Some(UserProfile {
            first_name: Some(user.first_name.clone()),
            last_name: Some(user.last_name.clone()),
            time_zone: Some(user.time_zone.clone()),
            locale: Some(user.locale.clone()),
            ..UserProfile::default()
        }),
        ..User::default()
    }
}

/// The remediations, with field messages on the first: gen2 and Java look only there.
fn remediations(flow: &Flow, frame: &Frame<'_>, list: &Offers, notices: &[Notice]) -> Vec<Form> {
    let mut forms: Vec<Form> = list
        .iter()
        .filter(|offer| offer.is_remediation())
        .map(|offer| forms::remediation(*offer, flow, frame))
        .collect();
    if let (Some(first), Some(errors)) =
        (forms.first_mut(), messages(notices, Some(Place::Passcode)))
    {
        forms::attach_to_passcode(first, errors);
    }
    forms
}

/// The messages of one place, or of all.
fn messages(notices: &[Notice], place: Option<Place>) -> Option<Collection<Message>> {
    let list: Vec<Message> = notices
        .iter()
        .filter(|notice| place.is_none_or(|place| notice.place() == place))
        .map(message)
        .collect();
    (!list.is_empty()).then(|| Collection::of(list))
}

fn message(notice: &Notice) -> Message {
    let params = notice
        .params()
        .map(|params| params.into_iter().map(Value::String).collect());
    Message {
        message: notice.text(),
        i18n: Some(I18n {
            key: notice.key().to_owned(),
            params,
            ..I18n::default()
        }),
        class: Some(if notice.is_error() {
            MessageClass::Error
        } else {
            MessageClass::Info
        }),
        ..Message::default()
    }
}

/// Puts `resend`, `poll` and `recover` where clients look for them.
fn attach_actions(document: &mut IdxResponse, list: &Offers, frame: &Frame<'_>) {
    for offer in list.iter() {
        let (Offer::Poll(holder) | Offer::Recover(holder) | Offer::Resend(holder)) = offer else {
            continue;
        };
        let holder = match holder {
            Holder::Authenticator => &mut document.current_authenticator,
            Holder::Enrollment => &mut document.current_authenticator_enrollment,
        };
        let Some(holder) = holder else { continue };
        let action = Some(forms::action(*offer, frame));
        match offer {
            Offer::Poll(_) => holder.value.poll = action,
            Offer::Recover(_) => holder.value.recover = action,
            Offer::Resend(_) => holder.value.resend = action,
            Offer::AuthenticatorVerificationData
            | Offer::Cancel
            | Offer::ChallengeAuthenticator
            | Offer::EnrollAuthenticator
            | Offer::Identify { .. }
            | Offer::IdentifyRecovery
            | Offer::ReenrollAuthenticator
            | Offer::ReenrollAuthenticatorWarning
            | Offer::ResetAuthenticator
            | Offer::SelectAuthenticatorAuthenticate
            | Offer::SelectAuthenticatorEnroll
            | Offer::Skip => {}
        }
    }
}
