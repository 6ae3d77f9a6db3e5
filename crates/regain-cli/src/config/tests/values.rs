//! Values that are refused, and in which words.

use super::super::*;
use super::{LEAST, Site};

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn values_outside_the_bounds_are_refused_with_key_and_bound() {
    // T-A3, T-P1: security.md §3.
    let site = Site::new();
    for (section, key, values, bound) in [
        ("password", "min_length", ["7", "129"], "8 to 128"),
        ("password", "history", ["-1", "31"], "0 to 30"),
        ("password", "min_symbol", ["-1", "33"], "0 to 32"),
        ("email_authenticator", "code_length", ["5", "13"], "6 to 12"),
        (
            "email_authenticator",
            "code_lifetime_minutes",
            ["0", "61"],
            "1 to 60",
        ),
        ("limits", "code_attempts", ["0", "6"], "1 to 5"),
        ("limits", "code_attempts_per_flow", ["4", "11"], "5 to 10"),
        ("limits", "mails_per_flow", ["0", "11"], "1 to 10"),
        (
            "limits",
            "resend_cooldown_seconds",
            ["9", "301"],
            "10 to 300",
        ),
        (
            "limits",
            "interaction_code_lifetime_seconds",
            ["9", "601"],
            "10 to 600",
        ),
        (
            "limits",
            "identifier_short_wrong_30d",
            ["2", "11"],
            "3 to 10",
        ),
        ("limits", "identifier_wrong_hour", ["4", "21"], "5 to 20"),
        ("limits", "identifier_wrong_day", ["9", "61"], "10 to 60"),
        (
            "limits",
            "tenant_short_wrong_24h",
            ["19", "100001"],
            "20 to 100000",
        ),
        ("limits", "tenant_long_mode_days", ["0", "31"], "1 to 30"),
        ("limits", "long_code_length", ["9", "17"], "10 to 16"),
        ("limits", "consecutive_max", ["9", "101"], "10 to 100"),
        ("limits", "identifier_mails_15m", ["0", "31"], "1 to 30"),
        ("limits", "identifier_mails_1h", ["0", "31"], "1 to 30"),
        ("limits", "identifier_mails_24h", ["0", "31"], "1 to 30"),
        ("limits", "device_mails_1h", ["-1", "11"], "0 to 10"),
        ("limits", "starts_identifier_24h", ["4", "101"], "5 to 100"),
        (
            "limits",
            "live_transactions_identifier",
            ["2", "51"],
            "3 to 50",
        ),
        (
            "hash",
            "memory_kib",
            ["19455", "1048577"],
            "19456 to 1048576",
        ),
        ("hash", "passes", ["0", "17"], "1 to 16"),
        ("hash", "workers", ["0", "100000"], "1 to "),
        ("hash", "queue_per_worker", ["0", "1025"], "1 to 1024"),
        ("server", "stop_grace_seconds", ["-1", "16"], "0 to 15"),
    ] {
        for value in values {
            let problems = site.problems(&format!("{LEAST}[{section}]\n{key} = {value}\n"));
            assert_eq!(problems.len(), 1, "{problems:?}");
            assert!(
                problems[0].contains(&format!("{section}.{key} must be {bound}")),
                "{problems:?}"
            );
            assert!(
                problems[0].contains(&format!("not {value}")),
                "{problems:?}"
            );
            assert!(problems[0].contains("regain.toml"), "{problems:?}");
        }
    }
}

#[test]
fn t_g7_limits_that_break_the_promise_refuse_to_start() {
    // G-05: each value is within its bounds, and together they let too many guesses through.
    let site = Site::new();
    let weak = "[limits]\nlong_code_length = 10\n";
    let problems = site.problems(&format!("{LEAST}{weak}"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].contains("with a chance of 2.6e-4 a year"),
        "{problems:?}"
    );
    let longer = "[email_authenticator]\ncode_length = 10\n";
    assert!(site.load(&format!("{LEAST}{weak}{longer}"), &[]).is_ok());
    let price = "[limits]\ntenant_short_wrong_24h = 2000\n";
    let configuration = site.load(&format!("{LEAST}{price}"), &[]).unwrap();
    let warnings = configuration.warnings().join("\n");
    assert!(warnings.contains("0.73 accounts a year"), "{warnings}");
}

#[test]
fn a_hash_below_the_floor_is_refused_whatever_it_is_made_of() {
    let site = Site::new();
    let hash = |memory: u32, passes: u32| {
        site.load(
            &format!("{LEAST}[hash]\nmemory_kib = {memory}\npasses = {passes}\n"),
            &[],
        )
        .map(|configuration| configuration.settings.hash.memory_kib)
    };
    assert!(hash(47_104, 1).is_ok());
    assert!(hash(19_456, 2).is_ok());
    assert!(hash(47_103, 1).unwrap_err()[0].contains("hash.memory_kib must be 47104"));
}

/// What stands in the file besides the least, and what the one line about it must say.
const BAD_VALUES: &[(&str, &str)] = &[
    (
        "[server]\npublic_url = \"not an address\"",
        "server.public_url",
    ),
    (
        "[server]\npublic_url = \"https://x.example/path\"",
        "server.public_url",
    ),
    ("[server]\nlisten = [\"8400\"]", "server.listen"),
    ("[server]\nlisten = []", "server.listen"),
    (
        "[server]\nlisten = \"127.0.0.1:8400\"",
        "server.listen must be a list",
    ),
    (
        "[server]\ntrusted_proxies = [\"proxy\"]",
        "server.trusted_proxies",
    ),
    ("[store]\nurl = \"mysql://localhost/regain\"", "store.url"),
    ("[keys]\nmaster_key_file = \"missing.key\"", "missing.key"),
    ("[org]\nname = \"\"", "org.name"),
    ("[org]\nlocale = \"xx\"", "org.locale"),
    (
        "[org]\nsupport_url = \"javascript:alert(1)\"",
        "org.support_url",
    ),
    (
        "[org]\nsign_in_mode = \"two_pages\"",
        "org.sign_in_mode must be one of",
    ),
    ("[org]\ntrusted_origins = [\"*\"]", "org.trusted_origins"),
    (
        "[org]\nuser_enumeration_prevention = \"off\"",
        "must be true or false",
    ),
    (
        "[password]\nmin_length = \"eight\"",
        "password.min_length must be a whole number",
    ),
    (
        "[password]\nexclude_attributes = [\"mother\"]",
        "password.exclude_attributes",
    ),
    (
        "[recovery]\nauthenticators = [\"okta_password\"]",
        "recovery.authenticators",
    ),
    (
        "[recovery]\nrevoke_sessions = \"never\"",
        "recovery.revoke_sessions",
    ),
    ("[mail.smtp]\nport = 25", "mail.smtp.host"),
    (
        "[mail.smtp]\nhost = \"x\"\ntls = \"ssl\"",
        "mail.smtp.tls must be one of",
    ),
    (
        "[mail.smtp]\nhost = \"x\"\nport = 70000",
        "mail.smtp.port must be 1 to 65535",
    ),
    (
        "[mail.smtp]\nhost = \"x\"\nca_file = \"no.pem\"",
        "mail.smtp.ca_file",
    ),
    (
        "[mail.smtp]\nhost = \"x\"\nusername = \"u\"",
        "mail.smtp.password_file",
    ),
    (
        "[mail.smtp]\nhost = \"x\"\npassword = \"p\"",
        "mail.smtp.username",
    ),
    (
        "[mail.smtp]\nhost = \"x\"\ntls = \"none\"\nusername = \"u\"\npassword = \"p\"",
        "would travel unprotected",
    ),
    (
        "[[clients]]\nid = \"a b\"\nredirect_uris = [\"https://x.example/\"]",
        "clients.0.id",
    ),
    ("[[clients]]\nid = \"a\"", "clients.0.redirect_uris"),
    (
        "[[clients]]\nid = \"a\"\nredirect_uris = [\"/login\"]",
        "clients.0.redirect_uris",
    ),
    (
        "[[clients]]\nid = \"a\"\nredirect_uris = [\"https://*.example/\"]",
        "clients.0.redirect_uris",
    ),
    (
        "[[clients]]\nid = \"a\"\nredirect_uris = [\"https://x.example/\"]\nsecret = \"short\"",
        "clients.0.secret",
    ),
    ("[server]\npublic_urll = \"x\"", "did you mean public_url?"),
    ("[servers]\nx = 1", "servers is not a known key"),
    ("[server", "line 3 is no valid TOML"),
];

#[test]
fn bad_values_are_named() {
    let site = Site::new();
    for (text, word) in BAD_VALUES {
        let problems = site.problems(&format!("{LEAST}{text}\n"));
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(word), "{word} in {problems:?}");
        assert!(problems[0].contains("regain.toml"), "{problems:?}");
        assert!(!problems[0].contains('\n'));
    }
}

#[test]
fn a_client_that_is_there_twice_is_refused() {
    let client = "[[clients]]\nid = \"a\"\nredirect_uris = [\"https://x.example/\"]\n";
    let problems = Site::new().problems(&format!("{LEAST}{client}{client}"));
    assert!(
        problems[0].contains("clients.1.id a is there twice"),
        "{problems:?}"
    );
}

#[test]
fn every_problem_is_told_at_once() {
    let text = "[server]\npublic_url = \"x\"\nlistenn = 1\n[password]\nmin_length = 1\nhistory = \"all\"\n";
    let problems = Site::new().problems(text);
    assert_eq!(problems.len(), 5, "{problems:?}");
    let failure = Failure::from(load_with(&Site::new().write(text), None, []).unwrap_err());
    assert!(
        failure.to_string().contains("and 4 more problems"),
        "{failure}"
    );
}

#[test]
fn what_contradicts_something_else_is_refused_with_what_to_do() {
    let site = Site::new();
    let client = "[[clients]]\nid = \"app\"\nredirect_uris = [\"https://app.example/cb\"]\n";
    for (text, words) in [
        (
            "[enrollment]\nrequired = [\"okta_email\"]",
            "enrollment.required each must be google_otp",
        ),
        (
            "[enrollment]\nrequired = [\"google_otp\"]\noptional = [\"google_otp\"]",
            "enrollment.optional names \"google_otp\" once more",
        ),
        ("[sign_in]\nfirst_factors = []", "nobody could sign in"),
        (
            "[sign_in]\nfirst_factors = [\"okta_email\", \"okta_password\"]",
            "needs org.sign_in_mode = \"identifier_first\"",
        ),
        (
            "[org]\nsign_in_mode = \"identifier_first\"\n[sign_in]\nfirst_factors = [\"okta_email\"]",
            "must name okta_password too",
        ),
        (
            "[org]\nsign_in_mode = \"identifier_first\"\n[sign_in]\nfirst_factors = [\"okta_email\", \"okta_password\"]\n[recovery]\nproof_of_work = \"always\"",
            "its mails cost no work",
        ),
        (
            "[org]\nsign_in_mode = \"identifier_first\"\n[sign_in]\nfirst_factors = [\"okta_password\", \"google_otp\"]",
            "each must be okta_password or okta_email, not \"google_otp\"",
        ),
        ("[password]\nwarn_days = 3", "needs max_age_days"),
        (
            "[password]\nmax_age_days = 3\nwarn_days = 3",
            "password.warn_days must be less than max_age_days",
        ),
        (
            "[password]\nmax_age_days = 1\nmin_age_minutes = 1440",
            "password.min_age_minutes must be less than max_age_days",
        ),
        (
            &format!("{client}email_verification_uri = \"http://app.example/cb\""),
            "email_verification_uri must be one address with https",
        ),
        (
            &format!("{client}email_verification_uri = \"https://me:secret@app.example/cb\""),
            "email_verification_uri must be one address with https",
        ),
        (
            &format!("{client}email_verification_uri = \"https://app.example/cb#x\""),
            "email_verification_uri must be exact addresses",
        ),
    ] {
        let problems = site.problems(&format!("{LEAST}{text}\n"));
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
        assert!(problems[0].contains(words), "{text}: {problems:?}");
    }
    for text in [
        "[enrollment]\nrequired = [\"google_otp\"]",
        "[org]\nsign_in_mode = \"identifier_first\"\n[sign_in]\nfirst_factors = [\"okta_email\", \"okta_password\"]",
        "[password]\nmax_age_days = 90\nwarn_days = 14",
        &format!("{client}email_verification_uri = \"https://app.example/cb\""),
        &format!("{client}email_verification_uri = \"http://localhost:8401/cb\""),
        &format!("{client}email_verification_uri = \"com.example.app:/cb\""),
    ] {
        let loaded = site.load(&format!("{LEAST}{text}\n"), &[]);
        assert!(loaded.is_ok(), "{text}: {:?}", loaded.err());
    }
}

#[test]
fn a_number_from_a_variable_is_shown_as_a_number() {
    let shown = Site::new().show(LEAST, &[("REGAIN__PASSWORD__MAX_AGE_DAYS", "90")]);
    assert!(shown.contains("password.max_age_days = 90 "), "{shown}");
}
