//! Every sentence of the pages, in one place. A language is one value of [`Sentences`]: the
//! compiler says which sentence a new language still misses.
//!
//! `{0}` and `{1}` stand for what [`fill`] puts in; templates escape the result as a whole.

mod english;

pub(crate) use english::{ENGLISH, by_key};

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
    pub code_filled_in: &'static str,
    pub link_sent_to: &'static str,
    pub link_sent_if_known: &'static str,
    pub code_from_app: &'static str,
    pub check_spam: &'static str,
    // What is set up
    pub enroll_lead: &'static str,
    pub enroll_optional_lead: &'static str,
    pub enroll_legend: &'static str,
    pub enroll_app_help: &'static str,
    pub enroll_other_help: &'static str,
    pub enroll_heading: &'static str,
    pub enroll_app_steps: &'static str,
    pub enroll_other_lead: &'static str,
    pub qr_alt: &'static str,
    pub secret_lead: &'static str,
    pub copy_secret: &'static str,
    pub copied: &'static str,
    pub open_app: &'static str,
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
    /// `{0}`: how much of the calculation is done, in per cent.
    pub work_progress: &'static str,
    pub work_done: &'static str,
    pub work_missing: &'static str,
    pub enter_password: &'static str,
    pub enter_the_code: &'static str,
    pub enter_the_app_s_code: &'static str,
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
