//! People without an account, and people who may not: the same to look at (E-01 to E-09).

use crate::harness::*;
use regain_engine::{Flow, Input, Notice, Offers, Policy, SignInMode, Stage, Subject, offers};

/// Everything that a person sees on the way, as JSON.
fn walk(name: &str, policy: &Policy) -> Vec<String> {
    let mut shell = Shell::new(policy.clone());
    let mut seen = Vec::new();
    shell.keys = regain_types::KeyRing::derive(
        &regain_types::MasterKey::decode("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap(),
    );
    shell.begin(0);
    let id = shell.email_id();
    let inputs = [
        Input::Recover,
        identify(name),
        select(&id),
        answer("99999x"),
        Input::Poll,
        Input::Resend,
        answer(""),
        answer("99999x"),
        answer("99999x"),
        answer("99999x"),
        answer("99999x"),
        Input::Introspect,
    ];
    for input in inputs {
        let came = shell.take(0, input);
        let notices: Vec<Notice> = match came {
            Came::Committed(notices) | Came::Shown(notices) => notices,
            Came::Refused(refusal) => vec![refusal.notice()],
        };
        let text = serde_json::to_string(&shell.document(0, &notices)).unwrap();
        seen.push(redact(&text, &shell, name));
    }
    seen
}

/// Takes out what must differ: what was typed, and the ids that derive from it.
fn redact(text: &str, shell: &Shell, name: &str) -> String {
    let mut text = text.replace(&format!("{name}@example.com"), "TYPED");
    let document = shell.document(0, &[]);
    let enrolled = document
        .authenticator_enrollments
        .iter()
        .flat_map(|list| &list.value);
    let current = document
        .current_authenticator_enrollment
        .iter()
        .map(|object| &object.value);
    for id in enrolled
        .chain(current)
        .filter_map(|known| known.id.as_ref())
    {
        text = text.replace(id.as_str(), &"i".repeat(id.len()));
    }
    text
}

#[test]
fn unknown_user_is_indistinguishable() {
    let policy = Policy::default();
    let known = walk("alice", &policy);
    for name in ["nobody", "suspended", "gone", "locked"] {
        assert_eq!(walk(name, &policy), known, "{name}");
    }
    assert!(!known.concat().contains("a***e"), "no mask before a proof");
}

#[test]
fn nobodys_code_never_proves_anything() {
    // E-09: the code that was never sent compares, and is wrong.
    let mut shell = Shell::new(Policy::default());
    shell.walk_to_code_page(0, "nobody");
    assert_eq!(shell.mails[0].0, Subject::Unknown);
    let code = shell.last_code();
    assert_eq!(
        shell.take(0, answer(&code)).keys(),
        ["api.authn.error.PASSCODE_INVALID"]
    );
    assert!(matches!(
        shell.flow(0).stage,
        Stage::ChallengeAuthenticator { .. }
    ));
}

#[test]
fn synthetic_ids_are_stable_and_look_alike() {
    // T-E2.
    let ids = |name: &str| {
        let mut shell = Shell::new(Policy::default());
        shell.keys = regain_types::KeyRing::derive(
            &regain_types::MasterKey::decode("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
                .unwrap(),
        );
        shell.walk_to_code_page(0, name);
        let document = shell.document(0, &[]);
        document
            .current_authenticator_enrollment
            .unwrap()
            .value
            .id
            .unwrap()
    };
    assert_eq!(ids("nobody"), ids("nobody"));
    assert_ne!(ids("nobody"), ids("alice"));
    for name in ["nobody", "alice"] {
        let id = ids(name);
        assert!(id.len() == 20 && id.starts_with("eae"), "{id}");
        assert!(id.bytes().all(|b| b.is_ascii_alphanumeric()), "{id}");
    }
}

#[test]
fn with_prevention_off_the_vendor_s_sentence_is_said() {
    let policy = Policy {
        enumeration_prevention: false,
        ..Policy::default()
    };
    for name in ["nobody", "suspended", "gone"] {
        let mut shell = Shell::new(policy.clone());
        shell.begin(0);
        shell.take(0, Input::Recover);
        let Came::Shown(notices) = shell.take(0, identify(name)) else {
            panic!("{name}")
        };
        assert_eq!(notices[0].status(), 200);
        assert_eq!(
            notices[0].text(),
            format!("There is no account with the Username {name}@example.com.")
        );
        assert!(matches!(shell.flow(0).stage, Stage::IdentifyRecovery));
    }
    let mut shell = Shell::new(policy);
    shell.walk_to_code_page(0, "alice");
    let document = serde_json::to_string(&shell.document(0, &[])).unwrap();
    assert!(
        document.contains("a***e@example.com"),
        "the vendor's fuller document"
    );
}

/// The same flow about somebody else.
fn about(flow: &Flow, subject: &Subject) -> Flow {
    let mut flow = flow.clone();
    match &mut flow.stage {
        Stage::ChallengeAuthenticator { climb, .. }
        | Stage::ConfirmAuthenticator { climb, .. }
        | Stage::EnrollAuthenticator { climb, .. }
        | Stage::SelectAuthenticator { climb }
        | Stage::SelectAuthenticatorEnroll { climb, .. } => climb.who.subject = subject.clone(),
        Stage::Completed(_)
        | Stage::Dead
        | Stage::Identify
        | Stage::IdentifyRecovery
        | Stage::ReenrollAuthenticator { .. }
        | Stage::ResetAuthenticator { .. } => {}
    }
    flow
}

#[test]
fn t_e11_before_a_proof_nothing_about_the_subject_decides_what_is_offered() {
    // E-04. The type says it: no facts go in. The subject that the flow itself holds changes nothing.
    let allowed: fn(&Flow, &Policy) -> Offers = offers;
    let modes = [SignInMode::OnePage, SignInMode::IdentifierFirst];
    for sign_in_mode in modes {
        let policy = Policy {
            sign_in_mode,
            ..Policy::default()
        };
        let mut shell = Shell::new(policy.clone());
        let known = Subject::Known(shell.users[0].id.clone());
        let id = shell.email_id();
        shell.begin(0);
        let first = match sign_in_mode {
            SignInMode::OnePage => vec![Input::Recover, identify("alice")],
            SignInMode::IdentifierFirst => vec![identify("alice"), Input::Recover],
        };
        let rest = [select(&id), answer("99999x"), Input::Poll];
        let mut compared = 0;
        for input in first.into_iter().chain(rest) {
            shell.take(0, input);
            let flow = shell.flow(0);
            let [of_known, of_nobody] =
                [&known, &Subject::Unknown].map(|subject| about(flow, subject));
            compared += u32::from(of_known != of_nobody);
            let (of_known, of_nobody) = (allowed(&of_known, &policy), allowed(&of_nobody, &policy));
            assert!(!of_known.is_empty());
            assert_eq!(of_known, of_nobody, "{:?}", flow.stage);
        }
        assert!(compared >= 4, "only {compared} stages have a subject");
    }
}
