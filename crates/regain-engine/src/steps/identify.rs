//! `identify`: who wants in, and on a one-page form with which password.

use regain_types::{Identifier, Secret, TokenHash};

use crate::flow::{Flow, Intent, Subject, Who};
use crate::intents::sign_in;
use crate::need::Facts;
use crate::notice::Notice;
use crate::policy::SignInMode;
use crate::refusal::Refusal;
use crate::step::{Env, Step};

pub(crate) fn take(
    flow: Flow,
    identifier: &Identifier,
    passcode: Option<&Secret<String>>,
    device: Option<&TokenHash>,
    facts: &Facts,
    env: &mut Env<'_>,
) -> Result<Step, Refusal> {
    if facts.user.is_none() && !env.policy.enumeration_prevention {
        return Ok(Step::Show(vec![Notice::UnknownUser(
            identifier.typed().to_owned(),
        )]));
    }
    match env.policy.sign_in_mode {
        SignInMode::OnePage => {
            let passcode = passcode.ok_or(Refusal::NotOffered)?;
            let who = Who::named(identifier, device, env);
            sign_in::with_password(flow, &who, passcode, facts, env)
        }
        SignInMode::IdentifierFirst => {
            let subject = facts
                .user
                .as_ref()
                .map_or(Subject::Unknown, |user| Subject::Known(user.id.clone()));
            let who = Who {
                subject,
                ..Who::named(identifier, device, env)
            };
            sign_in::identified(flow, who.climb(Intent::SignIn), facts, env)
        }
    }
}
