//! English.
//!
//! Only ASCII: then the HTML part travels as it stands, and people's scrapers that read the raw
//! mail find `enter this code: <b>123456</b>` on one line.

use jiff::civil::DateTime;

use super::Sentences;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) static SENTENCES: Sentences = Sentences {
    added_heading: "A new way to sign in was added",
    added_intro: |identifier, authenticator| {
        format!("{authenticator} was set up for the account {identifier}.")
    },
    added_not_you: |app| {
        format!(
            "If it was not you, somebody else knows your password. Open {app} the way you always do, \
             choose \"Forgot password?\" and set another password. Then ask for help, so that what \
             was added is removed."
        )
    },
    added_subject: |org| format!("A new way to sign in to {org} was added"),
    app_label: "App",
    address_label: "IP address",
    automatic: |org| format!("{org} sent this mail automatically. Answers to it are not read."),
    browser_label: "Browser",
    changed_heading: "Your password was changed",
    changed_intro: |identifier| format!("The account {identifier} has a new password."),
    changed_not_you: |app| {
        format!(
            "If it was not you, somebody else may be using your account. Open {app} the way you \
             always do, choose \"Forgot password?\" and set another password. Then ask for help."
        )
    },
    changed_subject: |org| format!("Your password for {org} was changed"),
    changed_was_you: "If that was you, all is well and there is nothing to do.",
    code_lives: |minutes| match minutes {
        1 => "It works once, within 1 minute.".to_owned(),
        _ => format!("It works once, within {minutes} minutes."),
    },
    enter_this_code: "Go back to the page where you asked, and enter this code:",
    help_label: "Help",
    link_button: "Continue",
    link_continue: |app| format!("If you asked for it in this browser, go on in {app}:"),
    link_elsewhere: "If you asked for it in another browser or on another device, enter this code there:",
    link_expired: "This link is too old. Go back to where you asked, and have a new mail sent.",
    link_heading: "Finish where you started",
    link_incomplete_heading: "This link is not complete",
    link_not_you: "If it was not you, close this page. Nothing has changed, and nobody gets in with this \
                   page alone.",
    link_replaced: "There is a newer mail, or what it was for is over. Use the newest mail, or start again.",
    link_rows: "This was asked for:",
    link_useless_heading: "This link is of no use any more",
    link_unknown: "Open the link in the mail once more. If that does not help, copy all of it, or enter the \
                   code from the mail.",
    link_used: "It was used already. If it was not you, choose \"Forgot password?\" and set another \
                password.",
    never_share: "Nobody who helps you ever needs this code. Do not read it out or pass it on.",
    open_this_link: "Or open this link, best in the browser in which you asked:",
    recovery_heading: "Reset your password",
    recovery_intro: |identifier, app| {
        format!("Somebody, probably you, wants to reset the password of {identifier} in {app}.")
    },
    recovery_not_you: "You did not ask for it? Then do nothing: your password stays as it is.",
    recovery_subject: |org| format!("Reset your password for {org}"),
    request_word: |word| format!("This mail belongs to the page that says \"request {word}\"."),
    sign_in_by_name: "It is not you? Then somebody typed your name. Do nothing, and give nobody this code: \
                      without it they do not get in.",
    sign_in_heading: "Sign in",
    sign_in_intro: |identifier, app| {
        format!("Somebody, probably you, is signing in to {app} as {identifier}.")
    },
    sign_in_not_you: |app| {
        format!(
            "It is not you? Then somebody knows your password. Do not give them this code. Open {app} \
             the way you always do, choose \"Forgot password?\" and set another password."
        )
    },
    sign_in_subject: |org| format!("Your code to sign in to {org}"),
    when,
    when_label: "Time",
    with_request_word: |subject, word| format!("{subject} (request {word})"),
};

fn when(time: DateTime) -> String {
    let month = MONTHS
        .get(usize::from(time.month().unsigned_abs()) - 1)
        .unwrap_or(&"");
    format!(
        "{} {month} {}, {:02}:{:02} UTC",
        time.day(),
        time.year(),
        time.hour(),
        time.minute()
    )
}
