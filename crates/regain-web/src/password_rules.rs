//! The rules for a new password, from the server's policy: for people, for the live checklist and
//! for password managers. The server has the last word.

use regain_sdk::PasswordPolicy;

use crate::sentences::{Sentences, fill};

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PasswordRule {
    /// The name that the script knows; rules that only the server can check have another one.
    pub name: &'static str,
    /// How many, where it counts.
    pub least: u32,
    pub text: String,
}

/// The rules that are on, in the order in which people meet them.
pub(crate) fn rules(policy: &PasswordPolicy, t: &Sentences) -> Vec<PasswordRule> {
    let wants = &policy.complexity;
    let counted = [
        ("length", wants.min_length, t.rule_length, t.rule_length),
        (
            "lower",
            wants.min_lower_case,
            t.rule_one_lower,
            t.rule_lower,
        ),
        (
            "upper",
            wants.min_upper_case,
            t.rule_one_upper,
            t.rule_upper,
        ),
        ("number", wants.min_number, t.rule_one_number, t.rule_number),
        ("symbol", wants.min_symbol, t.rule_one_symbol, t.rule_symbol),
    ];
    let mut rules: Vec<PasswordRule> = counted
        .into_iter()
        .filter(|(_, least, ..)| *least > 0)
        .map(|(name, least, one, many)| {
            let text = if least == 1 { one } else { many };
            rule(name, least, fill(text, &[&least.to_string()]))
        })
        .collect();
    if wants.exclude_username {
        rules.push(rule("username", 0, t.rule_username.to_owned()));
    }
    for attribute in &wants.exclude_attributes {
        let text = match attribute.as_str() {
            "firstName" => t.rule_first_name.to_owned(),
            "lastName" => t.rule_last_name.to_owned(),
            other => fill(t.rule_attribute, &[other]),
        };
        rules.push(rule("attribute", 0, text));
    }
    if rules.is_empty() {
        return rules;
    }
    rules.push(rule("common", 0, t.rule_common.to_owned()));
    let history = policy.age.as_ref().map_or(0, |age| age.history_count);
    if history > 0 {
        rules.push(rule(
            "history",
            history,
            fill(t.rule_history, &[&history.to_string()]),
        ));
    }
    rules
}

fn rule(name: &'static str, least: u32, text: String) -> PasswordRule {
    PasswordRule { name, least, text }
}

/// The rules for the generators of password managers (`passwordrules` attribute).
pub(crate) fn attribute(policy: &PasswordPolicy) -> String {
    let wants = &policy.complexity;
    let classes = [
        (wants.min_lower_case, "lower"),
        (wants.min_upper_case, "upper"),
        (wants.min_number, "digit"),
        (wants.min_symbol, "[-().&@?'#,/;!+]"),
    ];
    let mut parts = Vec::new();
    if wants.min_length > 0 {
        parts.push(format!("minlength: {};", wants.min_length));
    }
    for (least, class) in classes {
        if least > 0 {
            parts.push(format!("required: {class};"));
        }
    }
    if !parts.is_empty() {
        parts.push("allowed: ascii-printable;".to_owned());
    }
    parts.join(" ")
}
