//! What a document says about authenticators and enrolments (`idx-wire` §4.6). Ids of enrolments
//! are synthetic for everybody: before a proof nothing tells a user from nobody (E-02).

use regain_wire::idx::{
    Age, Authenticator, Collection, Complexity, IdxResponse, Method, Object, PasswordSettings,
};

use super::Frame;
use crate::authenticators::{
    Authenticator as Known, AuthenticatorKey, Descriptor, EnrollPage, password, synthetic_id,
};
use crate::flow::{Challenge, Climb, Flow, Intent, Stage};
use crate::need::UserFacts;
use crate::offers::{Holder, Offer, offers};

/// Fills in every member about authenticators.
pub(super) fn describe(
    document: &mut IdxResponse,
    flow: &Flow,
    frame: &Frame<'_>,
    shown: Option<&UserFacts>,
) {
    list(document, flow, frame, shown);
    let password = AuthenticatorKey::of(&password::DESCRIPTOR);
    match &flow.stage {
        Stage::ChallengeAuthenticator { climb, challenge } => {
            let mut current = enrollment(&challenge.authenticator, climb, frame, shown);
            if let (Some(current), Some(known)) = (&mut current, challenge.authenticator.resolve())
            {
                current.contextual_data = known.contextual_data(flow);
            }
            document.current_authenticator_enrollment = current.map(Object::of);
        }
        Stage::ConfirmAuthenticator {
            climb,
            authenticator,
        } => {
            document.current_authenticator_enrollment =
                enrollment(authenticator, climb, frame, shown).map(Object::of);
        }
        // Its `recover` is what the Go client looks for.
        Stage::SelectAuthenticator { climb } if climb.intent == Intent::RecoverPassword => {
            document.current_authenticator_enrollment =
                enrollment(&password, climb, frame, shown).map(Object::of);
        }
        Stage::ResetAuthenticator { .. } => {
            let mut current = org_authenticator(&password, frame);
            if let Some(current) = &mut current {
                current.settings = Some(settings(frame, None));
            }
            document.recovery_authenticator = current.clone().map(Object::of);
            document.current_authenticator = current.map(Object::of);
        }
        Stage::ReenrollAuthenticator { days_left, .. } => {
            let mut current = org_authenticator(&password, frame);
            if let Some(current) = &mut current {
                current.settings = Some(settings(frame, *days_left));
            }
            document.current_authenticator = current.map(Object::of);
        }
        // Go takes its presence as "one page", and then needs `recover` in it.
        Stage::Identify
            if offers(flow, frame.policy)
                .iter()
                .any(|offer| *offer == Offer::Recover(Holder::Authenticator)) =>
        {
            document.current_authenticator = org_authenticator(&password, frame).map(Object::of);
        }
        Stage::EnrollAuthenticator {
            climb, challenge, ..
        } => {
            let login = shown.map_or(&climb.who.canonical, |user| &user.login);
            let current = set_up(challenge, login, frame);
            document.enrollment_authenticator =
                org_authenticator(&challenge.authenticator, frame).map(Object::of);
            document.current_authenticator = current.map(Object::of);
        }
        Stage::Completed(_)
        | Stage::Dead
        | Stage::Identify
        | Stage::IdentifyRecovery
        | Stage::SelectAuthenticator { .. }
        | Stage::SelectAuthenticatorEnroll { .. } => {}
    }
}

/// Fills in what can be chosen from, and what the user proves with.
fn list(document: &mut IdxResponse, flow: &Flow, frame: &Frame<'_>, shown: Option<&UserFacts>) {
    let password = AuthenticatorKey::of(&password::DESCRIPTOR);
    if let Some((climb, enrolling)) = flow.enrolling() {
        let known = enrolling.choices.iter();
        let known = known.filter_map(|key| org_authenticator(key, frame));
        document.authenticators = Some(Collection::of(known.collect()));
        // A user who sets something up has proved at least the password.
        let had = had(climb, shown);
        let had = had
            .iter()
            .filter_map(|key| enrollment(key, climb, frame, shown));
        document.authenticator_enrollments = Some(Collection::of(had.collect()));
    } else if let Some(climb) = flow.climb() {
        let keys = climb.choices(frame.policy);
        let known = keys
            .iter()
            .filter_map(|key| org_authenticator(key, frame))
            .collect();
        let enrolled = keys
            .iter()
            .filter_map(|key| enrollment(key, climb, frame, shown))
            .collect();
        document.authenticators = Some(Collection::of(known));
        document.authenticator_enrollments = Some(Collection::of(enrolled));
        if climb.intent == Intent::RecoverPassword {
            document.recovery_authenticator = org_authenticator(&password, frame).map(Object::of);
        }
    }
}

/// What is being set up, with what its page shows.
fn set_up(challenge: &Challenge, login: &str, frame: &Frame<'_>) -> Option<Authenticator> {
    let key = &challenge.authenticator;
    let page = EnrollPage {
        keys: frame.keys,
        org: frame.org,
        org_name: frame.org_name,
        login,
    };
    let enroll = key.resolve().and_then(Known::enroll);
    Some(Authenticator {
        contextual_data: enroll.map(|enroll| enroll.contextual_data(challenge, &page)),
        ..org_authenticator(key, frame)?
    })
}

/// What the user proves with already, the newest last.
fn had(climb: &Climb, shown: Option<&UserFacts>) -> Vec<AuthenticatorKey> {
    let mut keys = vec![AuthenticatorKey::of(&password::DESCRIPTOR)];
    let enrolled = shown.into_iter().flat_map(|user| &user.enrollments.list);
    let enrolled = enrolled.map(|enrollment| &enrollment.authenticator);
    for key in enrolled.chain(&climb.enrolled) {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

fn base(descriptor: &Descriptor, id: String) -> Authenticator {
    Authenticator {
        kind: Some(descriptor.kind.to_owned()),
        key: Some(descriptor.key.to_owned()),
        id: Some(id),
        display_name: Some(descriptor.display_name.to_owned()),
        methods: Some(
            descriptor
                .methods
                .iter()
                .map(|kind| Method {
                    kind: (*kind).to_owned(),
                    ..Method::default()
                })
                .collect(),
        ),
        ..Authenticator::default()
    }
}

fn org_authenticator(key: &AuthenticatorKey, frame: &Frame<'_>) -> Option<Authenticator> {
    let descriptor = key.resolve()?.descriptor();
    Some(base(
        descriptor,
        key.authenticator_id(frame.keys, frame.org),
    ))
}

fn enrollment(
    key: &AuthenticatorKey,
    climb: &Climb,
    frame: &Frame<'_>,
    shown: Option<&UserFacts>,
) -> Option<Authenticator> {
    let known = key.resolve()?;
    let descriptor = known.descriptor();
    let id = synthetic_id(
        frame.keys,
        descriptor.enrollment_prefix,
        &[
            frame.org.as_str().as_bytes(),
            b"enrollment",
            climb.who.canonical.as_bytes(),
            descriptor.key.as_bytes(),
        ],
    );
    Some(Authenticator {
        profile: shown.and_then(|user| known.profile(user)),
        ..base(descriptor, id)
    })
}

/// The password policy, for live checklists; and the days that are left of a password that soon is
/// too old.
fn settings(frame: &Frame<'_>, days_to_expiry: Option<u32>) -> PasswordSettings {
    let rules = &frame.policy.password;
    PasswordSettings {
        complexity: Some(Complexity {
            min_length: Some(rules.min_length),
            min_lower_case: Some(rules.min_lower_case),
            min_upper_case: Some(rules.min_upper_case),
            min_number: Some(rules.min_number),
            min_symbol: Some(rules.min_symbol),
            exclude_username: Some(rules.exclude_username),
            exclude_attributes: Some(rules.exclude_attributes.clone()),
            ..Complexity::default()
        }),
        age: Some(Age {
            min_age_minutes: Some(rules.min_age_minutes),
            history_count: Some(rules.history),
            ..Age::default()
        }),
        days_to_expiry,
        ..PasswordSettings::default()
    }
}
