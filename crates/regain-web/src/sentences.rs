//! Every sentence of the pages, in one place. A language is one value of [`Sentences`]: the
//! compiler says which sentence a new language still misses.
//!
//! `{0}` and `{1}` stand for what [`fill`] puts in; templates escape the result as a whole.

/// The sentences of one language. Fields are named after what they say, not where they stand.
#[derive(Debug)]
pub(crate) struct Sentences {
    /// BCP 47 tag for `<html lang>`.
    pub language: &'static str,
    // Frame
    pub skip_to_content: &'static str,
    pub home: &'static str,
    pub help: &'static str,
    pub not_affiliated: &'static str,
    pub error_prefix: &'static str,
    pub there_is_a_problem: &'static str,
    pub expires_soon: &'static str,
    pub step_of: &'static str,
    pub cancel: &'static str,
    pub back_to_sign_in: &'static str,
    pub next: &'static str,
    pub verify: &'static str,
    pub try_again: &'static str,
    pub go_home: &'static str,
    pub sign_in: &'static str,
    pub sign_out: &'static str,
    pub show_password: &'static str,
    pub show_passwords: &'static str,
    // Home
    pub home_heading: &'static str,
    pub home_lead: &'static str,
    pub welcome: &'static str,
    pub signed_in: &'static str,
    pub claims: &'static str,
    pub claim: &'static str,
    pub value: &'static str,
    pub server_configuration: &'static str,
    pub setting: &'static str,
    pub issuer: &'static str,
    pub client_id: &'static str,
    pub client_secret: &'static str,
    pub public_client: &'static str,
    pub base_url: &'static str,
    pub scopes: &'static str,
    pub signed_out_notice: &'static str,
    pub password_changed: &'static str,
    pub others_signed_out: &'static str,
    pub others_stay: &'static str,
    pub others_server_decides: &'static str,
    // Sign-in
    pub sign_in_heading: &'static str,
    pub username: &'static str,
    pub password: &'static str,
    pub forgot_password: &'static str,
    pub password_heading: &'static str,
    pub signing_in_as: &'static str,
    pub keep_me_signed_in: &'static str,
    // Recovery
    pub step_find_account: &'static str,
    pub step_choose_way: &'static str,
    pub step_check_email: &'static str,
    pub step_new_password: &'static str,
    pub recover_heading: &'static str,
    pub recover_lead: &'static str,
    pub username_or_email: &'static str,
    pub select_heading: &'static str,
    pub select_lead: &'static str,
    pub select_legend: &'static str,
    pub select_button: &'static str,
    pub email_help: &'static str,
    pub password_help: &'static str,
    pub other_help: &'static str,
    pub send_to: &'static str,
    pub verify_email_heading: &'static str,
    pub verify_other_heading: &'static str,
    pub verify_lead: &'static str,
    pub method_legend: &'static str,
    pub challenge_email_heading: &'static str,
    pub challenge_other_heading: &'static str,
    pub code_sent_to: &'static str,
    pub code_sent_if_known: &'static str,
    pub code_from_app: &'static str,
    pub check_spam: &'static str,
    pub enter_code: &'static str,
    pub code_hint: &'static str,
    pub code_digits_hint: &'static str,
    pub resend: &'static str,
    pub resend_countdown: &'static str,
    pub resend_ready: &'static str,
    pub new_code_sent: &'static str,
    pub another_method: &'static str,
    pub mailbox_hint: &'static str,
    pub mailbox_link: &'static str,
    pub reset_heading: &'static str,
    pub reset_lead: &'static str,
    pub expired_lead: &'static str,
    pub new_password: &'static str,
    pub confirm_password: &'static str,
    pub passwords_differ: &'static str,
    pub rules_heading: &'static str,
    pub rule_met: &'static str,
    pub rule_unmet: &'static str,
    pub rule_progress: &'static str,
    pub rule_length: &'static str,
    pub rule_lower: &'static str,
    pub rule_upper: &'static str,
    pub rule_number: &'static str,
    pub rule_symbol: &'static str,
    pub rule_one_lower: &'static str,
    pub rule_one_upper: &'static str,
    pub rule_one_number: &'static str,
    pub rule_one_symbol: &'static str,
    pub rule_username: &'static str,
    pub rule_first_name: &'static str,
    pub rule_last_name: &'static str,
    pub rule_attribute: &'static str,
    pub rule_common: &'static str,
    pub rule_history: &'static str,
    pub revoke_sessions: &'static str,
    pub reset_button: &'static str,
    pub skip: &'static str,
    // Field mistakes found before anything is sent
    pub enter_username: &'static str,
    pub enter_password: &'static str,
    pub enter_the_code: &'static str,
    pub enter_new_password: &'static str,
    pub choose_one: &'static str,
    pub not_accepted: &'static str,
    // Other pages
    pub other_heading: &'static str,
    pub other_lead: &'static str,
    pub continue_button: &'static str,
    pub terminal_heading: &'static str,
    pub terminal_done_heading: &'static str,
    pub terminal_nothing_left: &'static str,
    pub code_elsewhere_heading: &'static str,
    pub code_elsewhere_lead: &'static str,
    pub code_elsewhere_not_you: &'static str,
    pub not_found_heading: &'static str,
    pub not_found_lead: &'static str,
    pub moved_on_heading: &'static str,
    pub moved_on_lead: &'static str,
    pub moved_on_link: &'static str,
    pub page_expired: &'static str,
    pub stale_form_heading: &'static str,
    pub stale_form_lead: &'static str,
    pub bad_request_heading: &'static str,
    pub bad_request_lead: &'static str,
    pub unavailable_heading: &'static str,
    pub unavailable_lead: &'static str,
    pub busy_heading: &'static str,
    pub busy_lead: &'static str,
    pub busy_wait: &'static str,
    pub refused_heading: &'static str,
    pub refused_lead: &'static str,
    pub broken_heading: &'static str,
    pub broken_lead: &'static str,
    pub changed_not_signed_in_heading: &'static str,
    pub changed_not_signed_in_lead: &'static str,
    pub recovery_off_heading: &'static str,
    pub recovery_off_lead: &'static str,
    pub reference: &'static str,
}

/// English, the language that the servers' own messages are in.
pub(crate) static ENGLISH: Sentences = Sentences {
    language: "en",
    skip_to_content: "Skip to content",
    home: "Home",
    help: "Help",
    not_affiliated: "Regain is not affiliated with Okta.",
    error_prefix: "Error: ",
    there_is_a_problem: "There is a problem",
    expires_soon: "This page ends in two minutes. Finish this step soon, or start again later.",
    step_of: "Step {0} of {1}: ",
    cancel: "Cancel",
    back_to_sign_in: "Back to sign in",
    next: "Next",
    verify: "Verify",
    try_again: "Try again",
    go_home: "Go to the home page",
    sign_in: "Sign in",
    sign_out: "Sign out",
    show_password: "Show password",
    show_passwords: "Show passwords",
    home_heading: "Welcome",
    home_lead: "Sign in to see your profile. If you forgot your password, you can choose a new one on \
               the way.",
    welcome: "Welcome, {0}",
    signed_in: "You are signed in.",
    claims: "What the sign-in service says about you",
    claim: "Claim",
    value: "Value",
    server_configuration: "Server configuration",
    setting: "Setting",
    issuer: "Issuer",
    client_id: "Client ID",
    client_secret: "Client secret",
    public_client: "none (public client)",
    base_url: "Address of this app",
    scopes: "Scopes",
    signed_out_notice: "You are signed out.",
    password_changed: "Your password was changed.",
    others_signed_out: "You were signed out on all other devices.",
    others_stay: "Your other devices stay signed in.",
    others_server_decides: "On other devices, sign in again with the new password.",
    sign_in_heading: "Sign in",
    username: "Username",
    password: "Password",
    forgot_password: "Forgot password?",
    password_heading: "Enter your password",
    signing_in_as: "Signing in as {0}",
    keep_me_signed_in: "Keep me signed in",
    step_find_account: "Find your account",
    step_choose_way: "Choose a method",
    step_check_email: "Check your email",
    step_new_password: "Choose a new password",
    recover_heading: "Recover password",
    recover_lead: "Type the username or the email address of your account. We will send you a code \
                  with which you can choose a new password.",
    username_or_email: "Username or Email",
    select_heading: "Select authenticator",
    select_lead: "Nothing has been sent yet. Choose how you want to prove that the account is yours.",
    select_legend: "How do you want to continue?",
    select_button: "Select",
    email_help: "We send a code to your address.",
    password_help: "Use the password of your account.",
    other_help: "Use {0}.",
    send_to: "We send a code to {0}.",
    verify_email_heading: "Verify using email authenticator",
    verify_other_heading: "Verify using {0}",
    verify_lead: "We send you a code as soon as you continue.",
    method_legend: "Please choose the method",
    challenge_email_heading: "Challenge email authenticator",
    challenge_other_heading: "Challenge {0}",
    code_sent_to: "We sent a code to {0}. Type it here, or copy and paste it.",
    code_sent_if_known: "If there is an account with this name, a code is on its way to its email \
                        address. Type it here, or copy and paste it.",
    code_from_app: "Type the code from {0}.",
    check_spam: "No mail after a minute? Look in the spam folder, then ask for a new code.",
    enter_code: "Enter Code",
    code_hint: "Spaces and dashes do no harm.",
    code_digits_hint: "{0} digits. Spaces and dashes do no harm.",
    resend: "Send a new code",
    resend_countdown: "Send a new code (in {0} s)",
    resend_ready: "You can ask for a new code now.",
    new_code_sent: "We asked for a new code at {0} UTC. Use the newest mail.",
    another_method: "Use another method",
    mailbox_hint: "This is a demo: its mail arrives in the",
    mailbox_link: "demo mailbox",
    reset_heading: "Reset password",
    reset_lead: "Choose a new password for your account. Long is good: a few words that do not belong \
                together are easy to remember and hard to guess.",
    expired_lead: "Your password has expired. Choose a new one to go on.",
    new_password: "New password",
    confirm_password: "New password, once more",
    passwords_differ: "The two passwords do not match.",
    rules_heading: "Your new password needs",
    rule_met: "met",
    rule_unmet: "not met yet",
    rule_progress: "{0} of {1} rules are met.",
    rule_length: "at least {0} characters",
    rule_lower: "at least {0} lower-case letters",
    rule_upper: "at least {0} capital letters",
    rule_number: "at least {0} digits",
    rule_symbol: "at least {0} symbols such as ! # ?",
    rule_one_lower: "a lower-case letter",
    rule_one_upper: "a capital letter",
    rule_one_number: "a digit",
    rule_one_symbol: "a symbol such as ! # ?",
    rule_username: "no part of your username",
    rule_first_name: "not your first name",
    rule_last_name: "not your last name",
    rule_attribute: "not your {0}",
    rule_common: "to be uncommon: well-known passwords are refused",
    rule_history: "to differ from your last {0} passwords",
    revoke_sessions: "Sign me out of all other devices",
    reset_button: "Set new password",
    skip: "Skip",
    enter_username: "Enter your username.",
    enter_password: "Enter your password.",
    enter_the_code: "Enter the code from the mail.",
    enter_new_password: "Enter the new password in both fields.",
    choose_one: "Choose one of the options.",
    not_accepted: "That was not accepted. Check what you typed and try again.",
    other_heading: "One more step",
    other_lead: "The sign-in service asks for the following.",
    continue_button: "Continue",
    terminal_heading: "This cannot go on here",
    terminal_done_heading: "All done",
    terminal_nothing_left: "There is nothing left to do here.",
    code_elsewhere_heading: "Your code",
    code_elsewhere_lead: "Enter this code on the page where you started.",
    code_elsewhere_not_you: "If this was not you, close this page.",
    not_found_heading: "Page not found",
    not_found_lead: "There is no page at this address. Perhaps the link was cut off.",
    moved_on_heading: "You already continued in another tab",
    moved_on_lead: "What you sent from this page was not used, because another page went on in the \
                   meantime.",
    moved_on_link: "Go to the current step",
    page_expired: "That page has expired. Please start again.",
    stale_form_heading: "Please send that again",
    stale_form_lead: "We could not tell that this form came from your own page, so nothing was sent. \
                     Open the page again and repeat your entry.",
    bad_request_heading: "That could not be read",
    bad_request_lead: "The page received a form that it does not understand. Nothing was sent.",
    unavailable_heading: "The sign-in service is not answering",
    unavailable_lead: "Nothing is wrong with what you typed. Wait a moment and try again: this page \
                      works again as soon as the service does.",
    busy_heading: "Too many requests",
    busy_lead: "Please wait before you try again.",
    busy_wait: "Please wait {0} seconds before you try again.",
    refused_heading: "The sign-in service refused this",
    refused_lead: "If it happens again, tell the people who run this site the reference below.",
    broken_heading: "Something went wrong on our side",
    broken_lead: "Try again. If it happens again, tell the people who run this site the reference \
                 below.",
    changed_not_signed_in_heading: "Your password was changed",
    changed_not_signed_in_lead: "The new password is set, but signing in with it did not finish. \
                                Please sign in with your new password.",
    recovery_off_heading: "Passwords cannot be recovered here",
    recovery_off_lead: "The people who run this sign-in service have turned password recovery off. Ask \
                       them for help.",
    reference: "Reference: {0}",
};

/// The language of the pages for a browser's `Accept-Language`. There is one so far.
pub(crate) fn for_languages(_accept_language: Option<&str>) -> &'static Sentences {
    &ENGLISH
}

/// Puts `values` where `{0}`, `{1}` stand in a sentence.
pub(crate) fn fill(sentence: &str, values: &[&str]) -> String {
    let mut text = String::with_capacity(sentence.len());
    let mut rest = sentence;
    // In one pass, so that a value with `{1}` in it stays what it is.
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let found = after.split_once('}').and_then(|(index, tail)| {
            let value = values.get(index.parse::<usize>().ok()?)?;
            Some((value, tail))
        });
        if let Some((value, tail)) = found {
            text.push_str(value);
            rest = tail;
        } else {
            text.push('{');
            rest = after;
        }
    }
    text.push_str(rest);
    text
}

/// Our own text for a server's message, for answers that bring a key and no sentence.
pub(crate) fn by_key(key: &str) -> Option<&'static str> {
    Some(match key {
        "errors.E0000004" => "Authentication failed",
        "errors.E0000009" | "E0000009" => "The sign-in service had a problem. Try again.",
        "errors.E0000069" | "errors.E0000119" => "Your account is locked.",
        "incorrectPassword" => "Password is incorrect",
        "api.authn.error.PASSCODE_INVALID" => "Invalid code. Try again.",
        "authfactor.challenge.suspended_factor" => {
            "Too many failed attempts. This way of signing in is suspended for your account."
        }
        "idx.error.user.not.assigned.to.app" | "idx.error.code.user_not_assigned" => {
            "You are not allowed to use this app."
        }
        "security.access_denied" => "You do not have permission to perform the requested action.",
        "idx.session.expired" => "That page has expired. Please start again.",
        "tooManyRequests" => "Too many requests. Please wait a moment.",
        "password.passwordRequirementsNotMet" => "The password does not meet the rules below.",
        "password.common" => "This password is too common. Choose another one.",
        "idx.recovery.completed" => "You can sign in with your new password.",
        "api.users.auth.error.POST_PASSWORD_UPDATE_AUTH_FAILURE" => {
            "Your password was changed, but signing in did not finish."
        }
        "oie.selfservice.reset.password.not.allowed" => {
            "Your password cannot be reset here. Ask the people who run this site for help."
        }
        "core.system.transaction_resource_not_found" => "Verification timed out. Please try again.",
        "idx.enter.otp.in.original.tab" => "Enter the code on the page where you started.",
        "idx.return.link.expired" => "This link has expired.",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_where_the_sentence_wants_them() {
        assert_eq!(fill("Step {0} of {1}", &["2", "4"]), "Step 2 of 4");
        assert_eq!(fill("no place", &["x"]), "no place");
        assert_eq!(fill("{0}, {1} {2} {", &["{1}", "b"]), "{1}, b {2} {");
    }
}
