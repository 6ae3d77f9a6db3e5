//! Forms: every one ends with the hidden state handle (`idx-wire` §4.3, §4.4, §5).

use regain_wire::idx::{
    Captcha, Collection, Field, FieldOption, Form, Message, NestedForm, OptionValue, RelatesTo,
};
use serde_json::Value;

use super::Frame;
use crate::authenticators::{Authenticator, AuthenticatorKey, Descriptor, Enroll};
use crate::flow::{Flow, Stage};
use crate::handle::interaction_code;
use crate::offers::Offer;
use crate::policy::RevokeSessions;
use crate::work::{KIND, WORK_CHALLENGE_PATH, WorkDemand};

/// How often clients may ask whether a proof came in elsewhere, in milliseconds.
const POLL_INTERVAL_MS: u64 = 4_000;
const PRODUCES: &str = "application/ion+json; okta-version=1.0.0";
const ACCEPTS: &str = "application/json; okta-version=1.0.0";

/// A remediation of the current stage.
pub(super) fn remediation(offer: Offer, flow: &Flow, frame: &Frame<'_>) -> Form {
    let (fields, relates_to) = match offer {
        Offer::Identify { with_password } => (identify(flow, with_password), None),
        Offer::IdentifyRecovery => (identify_recovery(flow), None),
        Offer::SelectAuthenticatorAuthenticate => (vec![choices(flow, frame)], None),
        Offer::AuthenticatorVerificationData => (
            vec![confirmation(flow, frame)],
            Some("$.currentAuthenticatorEnrollment"),
        ),
        Offer::ChallengeAuthenticator => (
            vec![credentials(challenged(flow))],
            Some("$.currentAuthenticatorEnrollment"),
        ),
        Offer::ReenrollAuthenticator
        | Offer::ReenrollAuthenticatorWarning
        | Offer::ResetAuthenticator => (
            vec![credentials(new_password(frame))],
            Some("$.currentAuthenticator"),
        ),
        Offer::SelectAuthenticatorEnroll => (vec![to_set_up(flow, frame)], None),
        Offer::EnrollAuthenticator => (
            vec![credentials(set_up(flow))],
            Some("$.currentAuthenticator"),
        ),
        Offer::Cancel | Offer::Poll(_) | Offer::Recover(_) | Offer::Resend(_) | Offer::Skip => {
            (Vec::new(), None)
        }
    };
    let mut form = bare(offer, frame, fields);
    form.relates_to = relates_to.map(|path| RelatesTo::List(vec![path.to_owned()]));
    form
}

/// An action: a form with the state handle alone.
pub(super) fn action(offer: Offer, frame: &Frame<'_>) -> Form {
    let mut form = bare(offer, frame, Vec::new());
    if matches!(offer, Offer::Poll(_)) {
        form.refresh = Some(POLL_INTERVAL_MS);
    }
    form
}

/// The end of the flow: what to send to the token endpoint (`idx-wire` §4.7).
pub(super) fn issue(flow: &Flow, frame: &Frame<'_>) -> Form {
    let preset = |name: &str, value: &str| Field {
        value: Some(Value::String(value.to_owned())),
        ..required(name)
    };
    let mut fields = vec![
        preset("grant_type", "interaction_code"),
        preset(
            "interaction_code",
            interaction_code(frame.keys, flow).expose(),
        ),
        preset("client_id", flow.app.client_id.as_str()),
    ];
    if flow.app.confidential {
        fields.push(required("client_secret"));
    }
    fields.push(required("code_verifier"));
    Form {
        rel: vec!["create-form".to_owned()],
        name: "issue".to_owned(),
        href: Some(flow.app.server.endpoint(frame.base_url, "token")),
        method: Some("POST".to_owned()),
        value: Some(fields),
        accepts: Some("application/x-www-form-urlencoded".to_owned()),
        ..Form::default()
    }
}

/// Puts messages on the field that was wrong.
pub(super) fn attach_to_passcode(form: &mut Form, messages: Collection<Message>) {
    let nested = form
        .value
        .iter_mut()
        .flatten()
        .filter_map(|field| field.form.as_mut())
        .flat_map(|nested| nested.value.iter_mut())
        .find(|field| field.name.as_deref() == Some("passcode"));
    if let Some(field) = nested {
        field.messages = Some(messages);
    }
}

fn bare(offer: Offer, frame: &Frame<'_>, mut fields: Vec<Field>) -> Form {
    fields.push(Field {
        value: Some(Value::String(frame.state_handle.to_owned())),
        visible: Some(false),
        mutable: Some(false),
        ..required("stateHandle")
    });
    Form {
        rel: vec!["create-form".to_owned()],
        name: offer.name().to_owned(),
        href: Some(format!("{}{}", frame.base_url, offer.endpoint().path())),
        method: Some("POST".to_owned()),
        produces: Some(PRODUCES.to_owned()),
        value: Some(fields),
        accepts: Some(ACCEPTS.to_owned()),
        ..Form::default()
    }
}

fn named(name: &str) -> Field {
    Field {
        name: Some(name.to_owned()),
        ..Field::default()
    }
}

fn required(name: &str) -> Field {
    Field {
        required: Some(true),
        ..named(name)
    }
}

fn identifier(flow: &Flow) -> Field {
    Field {
        label: Some("Username".to_owned()),
        value: flow.app.login_hint.clone().map(Value::String),
        ..required("identifier")
    }
}

/// With the proof of work that is demanded, if any: the widget puts its captcha there.
fn identify_recovery(flow: &Flow) -> Vec<Field> {
    let Some(demand) = &flow.work else {
        return vec![identifier(flow)];
    };
    let typed = Field {
        value: Some(Value::String(demand.typed().to_owned())),
        ..identifier(flow)
    };
    let hidden = |name: &str| Field {
        visible: Some(false),
        ..required(name)
    };
    let id = Field {
        value: Some(Value::String(demand.id().to_owned())),
        mutable: Some(false),
        ..hidden("captchaId")
    };
    let token = Field {
        hint: Some("captcha".to_owned()),
        ..hidden("captchaToken")
    };
    let captcha = Field {
        kind: Some("object".to_owned()),
        form: Some(NestedForm {
            value: vec![id, token],
            ..NestedForm::default()
        }),
        relates_to: Some(RelatesTo::Path("$.captcha".to_owned())),
        ..required("captchaVerify")
    };
    vec![typed, captcha]
}

/// What the widget's captcha needs to know: which one, and where it fetches its challenge. The
/// form carries no `rel`: auth-js would take it for an action, and take it away.
pub(super) fn captcha(demand: &WorkDemand, frame: &Frame<'_>) -> Captcha {
    let handle = Field {
        value: Some(Value::String(frame.state_handle.to_owned())),
        visible: Some(false),
        mutable: Some(false),
        ..required("stateHandle")
    };
    Captcha {
        id: demand.id().to_owned(),
        name: KIND.to_owned(),
        kind: KIND.to_owned(),
        site_key: KIND.to_lowercase(),
        challenge_url_form: Some(Form {
            name: "challenge".to_owned(),
            href: Some(format!("{}{WORK_CHALLENGE_PATH}", frame.base_url)),
            method: Some("POST".to_owned()),
            value: Some(vec![handle]),
            accepts: Some(ACCEPTS.to_owned()),
            ..Form::default()
        }),
        ..Captcha::default()
    }
}

fn identify(flow: &Flow, with_password: bool) -> Vec<Field> {
    let mut fields = vec![identifier(flow)];
    if with_password {
        fields.push(credentials(vec![Field {
            label: Some("Password".to_owned()),
            secret: Some(true),
            ..named("passcode")
        }]));
    }
    fields.push(Field {
        label: Some("Remember this device".to_owned()),
        kind: Some("boolean".to_owned()),
        ..named("rememberMe")
    });
    fields
}

fn credentials(fields: Vec<Field>) -> Field {
    Field {
        kind: Some("object".to_owned()),
        form: Some(NestedForm {
            value: fields,
            ..NestedForm::default()
        }),
        ..required("credentials")
    }
}

fn challenged(flow: &Flow) -> Vec<Field> {
    match &flow.stage {
        Stage::ChallengeAuthenticator { challenge, .. } => challenge
            .authenticator
            .resolve()
            .map(Authenticator::fields)
            .unwrap_or_default(),
        Stage::Completed(_)
        | Stage::ConfirmAuthenticator { .. }
        | Stage::Dead
        | Stage::EnrollAuthenticator { .. }
        | Stage::Identify
        | Stage::IdentifyRecovery
        | Stage::ReenrollAuthenticator { .. }
        | Stage::ResetAuthenticator { .. }
        | Stage::SelectAuthenticator { .. }
        | Stage::SelectAuthenticatorEnroll { .. } => Vec::new(),
    }
}

/// What shows that what is being set up works.
fn set_up(flow: &Flow) -> Vec<Field> {
    let Stage::EnrollAuthenticator { challenge, .. } = &flow.stage else {
        return Vec::new();
    };
    let enroll = challenge
        .authenticator
        .resolve()
        .and_then(Authenticator::enroll);
    enroll.map(Enroll::fields).unwrap_or_default()
}

/// The label is what the Go client looks for.
fn new_password(frame: &Frame<'_>) -> Vec<Field> {
    let mut fields = vec![Field {
        label: Some("New password".to_owned()),
        secret: Some(true),
        ..named("passcode")
    }];
    if frame.policy.recovery.revoke_sessions == RevokeSessions::Ask {
        fields.push(Field {
            label: Some("Sign me out of all other devices".to_owned()),
            kind: Some("boolean".to_owned()),
            ..named("revokeSessions")
        });
    }
    fields
}

/// The choice among what the user proves with: option `i` relates to enrolment `i`
/// (`idx-wire` §5.1).
fn choices(flow: &Flow, frame: &Frame<'_>) -> Field {
    let keys = flow
        .climb()
        .map(|climb| climb.choices(frame.policy))
        .unwrap_or_default();
    options(&keys, "$.authenticatorEnrollments", frame)
}

/// The choice among what can be set up: option `i` relates to authenticator `i`.
fn to_set_up(flow: &Flow, frame: &Frame<'_>) -> Field {
    match flow.enrolling() {
        Some((_, enrolling)) => options(&enrolling.choices, "$.authenticators", frame),
        None => named("authenticator"),
    }
}

fn options(keys: &[AuthenticatorKey], list: &str, frame: &Frame<'_>) -> Field {
    let options = keys
        .iter()
        .enumerate()
        .filter_map(|(index, key)| Some((index, key, key.resolve()?.descriptor())))
        .map(|(index, key, descriptor)| FieldOption {
            label: Some(descriptor.display_name.to_owned()),
            value: Some(OptionValue::Form {
                form: NestedForm {
                    value: choice(key, descriptor, frame),
                    ..NestedForm::default()
                },
            }),
            relates_to: Some(RelatesTo::Path(format!("{list}.value[{index}]"))),
            ..FieldOption::default()
        })
        .collect();
    Field {
        kind: Some("object".to_owned()),
        options: Some(options),
        ..named("authenticator")
    }
}

/// `id` comes first: the Go client takes field 0 as the id.
fn choice(key: &AuthenticatorKey, descriptor: &Descriptor, frame: &Frame<'_>) -> Vec<Field> {
    let id = key.authenticator_id(frame.keys, frame.org);
    let mut fields = vec![Field {
        value: Some(Value::String(id)),
        mutable: Some(false),
        ..required("id")
    }];
    if let [only] = descriptor.methods {
        fields.push(Field {
            required: Some(false),
            value: Some(Value::String((*only).to_owned())),
            mutable: Some(false),
            ..named("methodType")
        });
    }
    fields
}

fn confirmation(flow: &Flow, frame: &Frame<'_>) -> Field {
    let Stage::ConfirmAuthenticator { authenticator, .. } = &flow.stage else {
        return named("authenticator");
    };
    let Some(descriptor) = authenticator.resolve().map(Authenticator::descriptor) else {
        return named("authenticator");
    };
    let methods = descriptor.methods.iter().map(|method| FieldOption {
        label: Some(descriptor.display_name.to_owned()),
        value: Some(OptionValue::Plain(Value::String((*method).to_owned()))),
        ..FieldOption::default()
    });
    let id = Value::String(authenticator.authenticator_id(frame.keys, frame.org));
    Field {
        label: Some(descriptor.display_name.to_owned()),
        form: Some(NestedForm {
            value: vec![
                Field {
                    value: Some(id),
                    mutable: Some(false),
                    ..required("id")
                },
                Field {
                    kind: Some("string".to_owned()),
                    required: Some(false),
                    options: Some(methods.collect()),
                    ..named("methodType")
                },
            ],
            ..NestedForm::default()
        }),
        ..named("authenticator")
    }
}
