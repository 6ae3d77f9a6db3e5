//! M-03: a start that costs proof of work, and everybody who would like it cheaper.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regain_engine::{Flow, Input, Policy, ProofOfWork, SignInMode, Stage, WorkChallenge};
use regain_types::Identifier;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::harness::*;

/// Makes a solution worthless.
type Forge = fn(&mut Value, &WorkChallenge);

fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.recovery.proof_of_work = ProofOfWork::Always;
    policy
}

/// A shell whose client can do the work, with flow 0 on the page of the name.
fn shell() -> Shell {
    let mut shell = Shell::new(policy());
    shell.solves_work = true;
    shell.begin(0);
    shell.take(0, Input::Recover);
    shell
}

fn paying(name: &str, work: &str) -> Input {
    Input::Identify {
        identifier: Identifier::parse(&format!("{name}@example.com")).unwrap(),
        passcode: None,
        device: None,
        work: Some(work.to_owned()),
    }
}

fn challenge(shell: &mut Shell, index: usize) -> WorkChallenge {
    let flow = shell.flow(index).clone();
    let (keys, org, now) = (shell.keys.clone(), shell.org.clone(), shell.now);
    WorkChallenge::of(&flow, &keys, &org, now, &mut shell.rng).unwrap()
}

/// What the widget does: tries the numbers one after the other.
fn number(challenge: &WorkChallenge) -> u64 {
    let wanted = |number: &u64| hash(&challenge.salt, *number) == challenge.challenge;
    (0..u64::from(challenge.max_number)).find(wanted).unwrap()
}

fn hash(salt: &str, number: u64) -> String {
    let digest = Sha256::digest(format!("{salt}{number}"));
    digest
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

fn solution(challenge: &WorkChallenge) -> Value {
    json!({
        "algorithm": "SHA-256",
        "challenge": challenge.challenge,
        "number": number(challenge),
        "salt": challenge.salt,
        "signature": challenge.signature,
        "took": 1,
    })
}

fn token(solution: &Value) -> String {
    STANDARD.encode(solution.to_string())
}

fn solved(shell: &mut Shell, index: usize) -> String {
    token(&solution(&challenge(shell, index)))
}

fn demand(flow: &Flow) -> String {
    flow.work.as_ref().unwrap().id().to_owned()
}

fn has_begun(shell: &Shell, index: usize) -> bool {
    matches!(shell.flow(index).stage, Stage::SelectAuthenticator { .. })
}

/// A shell in which nobody can begin another recovery of this name without work: its live
/// recoveries are all taken.
fn spent_shell(name: &str) -> Shell {
    let mut shell = Shell::new(Policy::default());
    let taken = usize::try_from(shell.policy.limits.live_recoveries).unwrap();
    for index in 100..100 + taken {
        shell.begin(index);
        shell.take(index, Input::Recover);
        assert!(shell.take(index, identify(name)).is_ok());
        assert!(has_begun(&shell, index), "{index} is free");
    }
    shell.begin(0);
    shell.take(0, Input::Recover);
    shell
}

/// Begins a recovery that is paid for; gives its price.
fn begin_paid(shell: &mut Shell, index: usize, name: &str) -> u32 {
    shell.begin(index);
    shell.take(index, Input::Recover);
    assert_eq!(
        shell.take(index, identify(name)).keys(),
        ["regain.proof.of.work"]
    );
    let price = shell.flow(index).work.as_ref().unwrap().max_number();
    let work = solved(shell, index);
    assert!(shell.take(index, paying(name, &work)).is_ok());
    assert!(has_begun(shell, index));
    price
}

/// It is refused, and something new is demanded, for which it is worth nothing either.
fn assert_worthless(shell: &mut Shell, index: usize, work: &str, why: &str) {
    for _ in 0..2 {
        let before = demand(shell.flow(index));
        assert_eq!(
            shell.take(index, paying("alice", work)).keys(),
            ["regain.proof.of.work"],
            "{why}"
        );
        assert!(!has_begun(shell, index), "{why}");
        assert_ne!(demand(shell.flow(index)), before, "{why}");
        // Past the seconds in which a repeated request changes nothing.
        shell.wait(6);
    }
}

#[test]
fn m_03_a_start_that_costs_work_begins_when_the_work_is_done() {
    for name in ["alice", "nobody"] {
        let mut shell = shell();
        let came = shell.take(0, identify(name));
        assert_eq!(came.keys(), ["regain.proof.of.work"]);
        assert!(came.is_ok());
        let work = solved(&mut shell, 0);
        assert!(shell.take(0, paying(name, &work)).is_ok());
        assert!(has_begun(&shell, 0));
        assert!(shell.flow(0).work.is_none());
    }
}

#[test]
fn m_03_a_client_that_cannot_do_the_work_is_refused_as_before() {
    let mut shell = shell();
    shell.solves_work = false;
    for name in ["alice", "nobody"] {
        let before = shell.flow(0).clone();
        assert_eq!(shell.take(0, identify(name)).keys(), ["tooManyRequests"]);
        assert_eq!(shell.flow(0), &before);
    }
}

#[test]
fn m_03_nobody_can_tell_by_the_price_who_has_a_name() {
    // T-E1.
    let page = |name: &str| {
        let mut shell = shell();
        shell.take(0, identify(name));
        let document = shell.document(0, &[]);
        serde_json::to_string(&document)
            .unwrap()
            .replace(name, "NAME")
    };
    assert_eq!(page("alice"), page("nobody"));
    assert_eq!(page("alice"), page("suspended"));
}

#[test]
fn m_03_work_pays_once() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    let work = solved(&mut shell, 0);
    assert!(shell.take(0, paying("alice", &work)).is_ok());
    assert!(has_begun(&shell, 0));
    shell.wait(6);
    shell.take(0, Input::Cancel);
    shell.take(0, Input::Recover);
    assert_eq!(
        shell.take(0, paying("alice", &work)).keys(),
        ["regain.proof.of.work"]
    );
    shell.wait(6);
    assert_worthless(&mut shell, 0, &work, "used");
}

#[test]
fn m_03_a_repeated_payment_is_answered_again_and_costs_nothing() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    let first = demand(shell.flow(0));
    assert!(shell.take(0, identify("alice")).is_ok());
    shell.wait(6);
    assert!(shell.take(0, identify("alice")).is_ok());
    assert_eq!(demand(shell.flow(0)), first, "work under way is not lost");
    let work = solved(&mut shell, 0);
    assert!(shell.take(0, paying("alice", &work)).is_ok());
    assert!(shell.take(0, paying("alice", &work)).is_ok());
    assert!(has_begun(&shell, 0));
}

#[test]
fn m_03_a_solution_that_comes_too_late_is_refused() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    let work = solved(&mut shell, 0);
    shell.wait(10 * 60);
    assert_worthless(&mut shell, 0, &work, "expired");
}

#[test]
fn m_03_a_solution_in_the_last_second_counts() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    let work = solved(&mut shell, 0);
    shell.wait(10 * 60 - 1);
    assert!(shell.take(0, paying("alice", &work)).is_ok());
    assert!(has_begun(&shell, 0));
}

#[test]
fn m_03_another_flows_solution_is_refused() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    shell.begin(1);
    shell.take(1, Input::Recover);
    shell.take(1, identify("alice"));
    let work = solved(&mut shell, 0);
    assert_worthless(&mut shell, 1, &work, "another flow's");
    assert!(
        shell.take(0, paying("alice", &work)).is_ok(),
        "its own flow"
    );
    assert!(has_begun(&shell, 0));
}

#[test]
fn m_03_another_orgs_solution_is_refused() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    let (flow, keys, now) = (shell.flow(0).clone(), shell.keys.clone(), shell.now);
    let other = regain_types::OrgId::parse("00oother").unwrap();
    let challenge = WorkChallenge::of(&flow, &keys, &other, now, &mut shell.rng).unwrap();
    assert_worthless(
        &mut shell,
        0,
        &token(&solution(&challenge)),
        "another org's",
    );
}

#[test]
fn m_03_forged_easy_and_broken_solutions_are_refused() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    let flaws: [(&str, Forge); 9] = [
        ("a wrong number", |it, _| {
            it["number"] = json!(it["number"].as_u64().unwrap() + 1);
        }),
        ("a number that is none", |it, _| it["number"] = json!("7")),
        ("a challenge of one's own, too easy", |it, challenge| {
            it["number"] = json!(0);
            it["challenge"] = json!(hash(&challenge.salt, 0));
        }),
        ("a salt of one's own", |it, _| {
            it["salt"] = json!("easy?expires=9999999999&");
            it["challenge"] = json!(hash("easy?expires=9999999999&", 0));
            it["number"] = json!(0);
        }),
        ("more time", |it, challenge| {
            let (salt, _) = challenge.salt.split_once('?').unwrap();
            it["salt"] = json!(format!("{salt}?expires=9999999999&"));
        }),
        (
            "a digit of the number moved into the time",
            |it, challenge| {
                let number = it["number"].to_string();
                let (first, rest) = number.split_at(1);
                it["salt"] = json!(format!("{}{first}", challenge.salt));
                it["number"] = json!(rest.parse::<u64>().unwrap_or(0));
            },
        ),
        ("no signature", |it, _| it["signature"] = json!("")),
        ("a signature of one's own", |it, _| {
            it["signature"] = json!("A".repeat(43));
        }),
        ("another algorithm", |it, _| {
            it["algorithm"] = json!("SHA-1");
        }),
    ];
    for (flaw, forge) in flaws {
        let challenge = challenge(&mut shell, 0);
        let mut forged = solution(&challenge);
        forge(&mut forged, &challenge);
        assert_worthless(&mut shell, 0, &token(&forged), flaw);
    }
    let true_one = challenge(&mut shell, 0);
    let padded = format!("{}{}", " ".repeat(2_048), solution(&true_one));
    for (flaw, work) in [
        ("nothing", String::new()),
        ("no base64", "{}".to_owned()),
        ("no JSON", STANDARD.encode("no JSON")),
        ("the widget's placeholder", "tempToken".to_owned()),
        ("too long", STANDARD.encode(padded)),
    ] {
        assert_worthless(&mut shell, 0, &work, flaw);
    }
    let work = solved(&mut shell, 0);
    assert!(shell.take(0, paying("alice", &work)).is_ok());
    assert!(has_begun(&shell, 0));
}

#[test]
fn m_03_where_the_name_comes_first_the_work_is_done_on_the_page_of_recovery() {
    let mut shell = Shell::new(Policy {
        sign_in_mode: SignInMode::IdentifierFirst,
        ..policy()
    });
    shell.begin(0);
    shell.take(0, identify("alice"));
    assert_eq!(shell.take(0, Input::Recover).keys(), ["tooManyRequests"]);
    shell.solves_work = true;
    assert_eq!(
        shell.take(0, Input::Recover).keys(),
        ["regain.proof.of.work"]
    );
    assert_eq!(shell.flow(0).stage, Stage::IdentifyRecovery);
    let work = solved(&mut shell, 0);
    assert!(shell.take(0, paying("alice", &work)).is_ok());
    assert!(has_begun(&shell, 0));
}

#[test]
fn m_03_nothing_is_demanded_before_a_name_is_typed() {
    let mut shell = shell();
    assert!(shell.flow(0).work.is_none());
    let document = serde_json::to_value(shell.document(0, &[])).unwrap();
    assert_eq!(document.get("captcha"), None);
    assert_eq!(shell.take(0, Input::Introspect).keys(), [""; 0]);
}

#[test]
fn m_03_beyond_its_budget_a_start_costs_work_whoever_has_the_name() {
    for name in ["alice", "nobody"] {
        let mut shell = spent_shell(name);
        let before = shell.flow(0).clone();
        assert_eq!(shell.take(0, identify(name)).keys(), ["tooManyRequests"]);
        assert_eq!(shell.flow(0), &before);
        shell.solves_work = true;
        assert_eq!(begin_paid(&mut shell, 0, name), 50_000);
        let paid = shell.flow(0).climb().unwrap().paid;
        assert!(paid, "its mails come from no budget of the name");
    }
}

#[test]
fn m_03_a_policy_without_work_refuses_as_before() {
    let mut shell = spent_shell("alice");
    shell.policy.recovery.proof_of_work = ProofOfWork::Never;
    shell.solves_work = true;
    assert_eq!(shell.take(0, identify("alice")).keys(), ["tooManyRequests"]);
    assert!(shell.flow(0).work.is_none());
}

#[test]
fn m_03_the_price_rises_and_work_that_was_done_for_much_less_is_too_easy() {
    let mut shell = spent_shell("alice");
    shell.solves_work = true;
    shell.take(0, identify("alice"));
    shell.begin(1);
    shell.take(1, Input::Recover);
    shell.take(1, identify("alice"));
    let (first, second) = (solved(&mut shell, 0), solved(&mut shell, 1));
    let prices: Vec<u32> = (2..5)
        .map(|index| begin_paid(&mut shell, index, "alice"))
        .collect();
    assert_eq!(prices, [50_000; 3]);
    // One doubling since then is forgiven.
    assert!(shell.take(0, paying("alice", &first)).is_ok());
    assert!(has_begun(&shell, 0));
    for index in 5..7 {
        assert_eq!(begin_paid(&mut shell, index, "alice"), 100_000);
    }
    assert_eq!(
        shell.take(1, paying("alice", &second)).keys(),
        ["regain.proof.of.work"]
    );
    assert!(!has_begun(&shell, 1), "too easy by now");
    assert_eq!(shell.flow(1).work.as_ref().unwrap().max_number(), 200_000);
}

#[test]
fn m_03_what_the_budget_covers_is_not_charged_as_paid() {
    let mut shell = shell();
    shell.take(0, identify("alice"));
    let work = solved(&mut shell, 0);
    shell.take(0, paying("alice", &work));
    assert!(!shell.flow(0).climb().unwrap().paid);
}
