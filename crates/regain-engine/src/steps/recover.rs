//! `recover`: "Forgot password?"

use crate::authenticators::password;
use crate::flow::{Flow, Intent, Stage};
use crate::intents::recover;
use crate::need::Facts;
use crate::refusal::Refusal;
use crate::step::{Env, Step, Transition};

pub(crate) fn take(flow: Flow, facts: &Facts, env: &mut Env<'_>) -> Result<Step, Refusal> {
    match &flow.stage {
        Stage::Identify => {
            Ok(Transition::to(flow.moved_to(Stage::IdentifyRecovery, env.now)).step())
        }
        // The person is known from the page before: straight to the choice (`idx-wire` §6.3).
        Stage::ChallengeAuthenticator { climb, challenge }
            if password::is_challenged(challenge) =>
        {
            let who = climb.who.clone();
            recover::identified(flow, who, None, facts, env)
        }
        // Asked for again: nothing changes (design §4).
        Stage::SelectAuthenticator { climb } if climb.intent == Intent::RecoverPassword => {
            Ok(Step::Show(Vec::new()))
        }
        Stage::ChallengeAuthenticator { .. }
        | Stage::Completed(_)
        | Stage::ConfirmAuthenticator { .. }
        | Stage::Dead
        | Stage::EnrollAuthenticator { .. }
        | Stage::IdentifyRecovery
        | Stage::ReenrollAuthenticator { .. }
        | Stage::ResetAuthenticator { .. }
        | Stage::SelectAuthenticator { .. }
        | Stage::SelectAuthenticatorEnroll { .. } => Err(Refusal::NotOffered),
    }
}
