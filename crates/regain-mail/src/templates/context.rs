//! The variables of templates. `docs/mail-templates.md` lists them.

use std::collections::BTreeMap;

use minijinja::Value;

use crate::render::{Change, ChangedContent, CodeContent, Frame, Purpose};
use crate::{ChangeNotice, CodeMail, Mail};

type Variables = BTreeMap<&'static str, Value>;

/// All variables of a mail. What is not known is `none`, so that a template can ask.
pub(crate) fn context(mail: &Mail, frame: &Frame) -> Value {
    let mut variables = Variables::from([
        ("org", Value::from(frame.org.as_str())),
        ("language", Value::from(frame.language.tag())),
        ("support_url", optional(frame.support_url.as_deref())),
        ("support_shown", optional(frame.support_shown())),
    ]);
    let mut say = Variables::from([
        ("automatic", Value::from(frame.automatic.as_str())),
        ("help", Value::from(frame.say.help_label)),
    ]);
    match mail {
        Mail::RecoveryCode(code) => {
            of_code(code, Purpose::Recovery, frame, &mut variables, &mut say);
        }
        Mail::SignInCode(code) => of_code(code, Purpose::SignIn, frame, &mut variables, &mut say),
        Mail::AuthenticatorAdded {
            authenticator,
            notice,
        } => {
            let change = Change::AuthenticatorAdded(authenticator);
            of_change(notice, change, frame, &mut variables, &mut say);
        }
        Mail::PasswordChanged(notice) => {
            of_change(notice, Change::Password, frame, &mut variables, &mut say);
        }
    }
    variables.insert("say", Value::from(say));
    Value::from(variables)
}

fn of_code(
    code: &CodeMail,
    purpose: Purpose,
    frame: &Frame,
    variables: &mut Variables,
    say: &mut Variables,
) {
    let content = CodeContent::new(code, purpose, frame);
    say.extend([
        ("heading", Value::from(content.heading)),
        ("intro", Value::from(content.intro)),
        ("enter_this_code", Value::from(frame.say.enter_this_code)),
        ("open_this_link", Value::from(frame.say.open_this_link)),
        ("link_button", Value::from(frame.say.link_button)),
        ("code_lives", Value::from(content.code_lives)),
        ("never_share", Value::from(frame.say.never_share)),
        ("request_word", optional(content.request_word.as_deref())),
        ("not_you", Value::from(content.not_you)),
    ]);
    variables.extend([
        ("code", Value::from(content.code)),
        ("minutes", Value::from(code.minutes)),
        ("identifier", Value::from(content.identifier)),
        ("app", Value::from(content.app)),
        ("request_word", optional(content.word.as_deref())),
        ("link", optional(content.link.as_deref())),
        ("autofill", optional(content.autofill.as_deref())),
    ]);
}

fn of_change(
    notice: &ChangeNotice,
    change: Change<'_>,
    frame: &Frame,
    variables: &mut Variables,
    say: &mut Variables,
) {
    let content = ChangedContent::new(notice, change, frame);
    say.extend([
        ("heading", Value::from(content.heading)),
        ("intro", Value::from(content.intro)),
        ("was_you", Value::from(frame.say.changed_was_you)),
        ("not_you", Value::from(content.not_you)),
    ]);
    let rows: Vec<Value> = content
        .rows
        .iter()
        .map(|(label, value)| {
            Value::from(BTreeMap::from([
                ("label", Value::from(*label)),
                ("value", Value::from(value.as_str())),
            ]))
        })
        .collect();
    variables.extend([
        ("authenticator", optional(content.authenticator.as_deref())),
        ("identifier", Value::from(content.identifier)),
        ("app", Value::from(content.app)),
        ("when", Value::from(content.when)),
        ("browser", optional(content.browser.as_deref())),
        ("address", optional(content.address.as_deref())),
        ("rows", Value::from(rows)),
    ]);
}

fn optional(text: Option<&str>) -> Value {
    text.map_or(Value::from(()), Value::from)
}
