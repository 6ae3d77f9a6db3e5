//! One step: admit the input, then let the remediation's file decide.

use regain_types::{Entropy, KeyRing, OrgId, Secret, Timestamp};

use crate::authenticators::{Authenticator, Tools};
use crate::effect::Effect;
use crate::flow::{Flow, Replay, Stage};
use crate::input::Input;
use crate::limits::Spent;
use crate::need::{Facts, Need};
use crate::notice::Notice;
use crate::offers::offers;
use crate::policy::Policy;
use crate::refusal::Refusal;
use crate::steps;

/// How often a step may ask for something before it is a bug of ours.
pub const NEEDS_PER_STEP_MAX: usize = 4;

/// What a step may use besides the flow and the facts.
pub struct Env<'a> {
    /// The store's now.
    pub now: Timestamp,
    /// The machine's clock. The store's never goes back, so after a jump it may be ahead of what
    /// people's apps show; nothing else is judged by this one.
    pub wall: Timestamp,
    /// Randomness.
    pub rng: &'a mut dyn Entropy,
    /// The org's settings.
    pub policy: &'a Policy,
    /// The org's keys.
    pub keys: &'a KeyRing,
    /// The org.
    pub org: &'a OrgId,
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env")
            .field("now", &self.now)
            .field("org", &self.org)
            .finish_non_exhaustive()
    }
}

impl Env<'_> {
    pub(crate) fn tools(&self) -> Tools<'_> {
        Tools {
            now: self.now,
            wall: self.wall,
            keys: self.keys,
            org: self.org,
            policy: self.policy,
        }
    }
}

/// What came of an input.
#[derive(Debug)]
pub enum Step {
    /// Compute this, then call again.
    Need(Need),
    /// Commit this, then show it.
    Next(Box<Transition>),
    /// Nothing changes: show the flow as it is, with these messages.
    Show(Vec<Notice>),
}

/// A change: the new flow and everything that must happen with it, in one transaction.
#[derive(Debug)]
pub struct Transition {
    /// The flow afterwards, with the version that guarded it still in place.
    pub flow: Flow,
    /// What happens with it.
    pub effects: Vec<Effect>,
    /// What the person is told.
    pub notices: Vec<Notice>,
    /// What the browser shall show from now on, so that its device is known (G-07).
    pub new_device: Option<Secret<String>>,
}

impl Transition {
    pub(crate) fn to(flow: Flow) -> Self {
        Self {
            flow,
            effects: Vec::new(),
            notices: Vec::new(),
            new_device: None,
        }
    }

    pub(crate) fn with(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// Writes what it cost.
    pub(crate) fn charged_to(mut self, spent: Spent) -> Self {
        self.effects.extend(spent.effects());
        self
    }

    pub(crate) fn saying(mut self, notice: Notice) -> Self {
        self.notices.push(notice);
        self
    }

    pub(crate) fn step(self) -> Step {
        Step::Next(Box::new(self))
    }
}

/// Takes one input.
///
/// A wrong code is no error: it is a transition that counts it.
///
/// # Errors
/// [`Refusal`] when the input is not legal now; then nothing changes.
pub fn step(flow: Flow, input: Input, facts: &Facts, env: &mut Env<'_>) -> Result<Step, Refusal> {
    if flow.is_expired(env.now) {
        return Err(Refusal::Expired);
    }
    if let Some(repeated) = steps::repeated::answer(&flow, &input, facts, env)? {
        return Ok(repeated);
    }
    if !flow.is_live() {
        return Err(Refusal::Expired);
    }
    // Whoever waits in another tab finds where the flow went meanwhile.
    let waits = matches!(input, Input::Poll) && flow.climb().is_some();
    if waits || matches!(input, Input::Introspect) {
        return Ok(Step::Show(Vec::new()));
    }
    offers(&flow, env.policy).admit(&input)?;
    let replay = replay_of(&flow, &input, env);
    let mut step = dispatch(flow, input, facts, env)?;
    if let Step::Next(transition) = &mut step
        && !transition.notices.iter().any(Notice::is_error)
    {
        transition.flow.replay = replay;
    }
    Ok(step)
}

/// What to keep of an input that is accepted; never a digest of a password.
fn replay_of(flow: &Flow, input: &Input, env: &Env<'_>) -> Option<Replay> {
    let holds_password = match (&flow.stage, input) {
        (
            Stage::ChallengeAuthenticator { challenge, .. }
            | Stage::EnrollAuthenticator { challenge, .. },
            Input::Answer { .. },
        ) => challenge
            .authenticator
            .resolve()
            .is_none_or(Authenticator::is_knowledge),
        (
            _,
            Input::Answer { .. }
            | Input::Identify {
                passcode: Some(_), ..
            },
        ) => true,
        _ => false,
    };
    (!holds_password).then(|| Replay {
        digest: input.digest(flow, env.keys),
        at: env.now,
    })
}

fn dispatch(flow: Flow, input: Input, facts: &Facts, env: &mut Env<'_>) -> Result<Step, Refusal> {
    match (&flow.stage, input) {
        (_, Input::Cancel) => steps::cancel::take(flow, env),
        (
            Stage::Identify,
            Input::Identify {
                identifier,
                passcode,
                device,
                ..
            },
        ) => {
            let device = device.as_ref();
            steps::identify::take(flow, &identifier, passcode.as_ref(), device, facts, env)
        }
        (
            Stage::IdentifyRecovery,
            Input::Identify {
                identifier,
                device,
                work,
                ..
            },
        ) => {
            let given = (device.as_ref(), work.as_deref());
            steps::identify_recovery::take(flow, &identifier, given, facts, env)
        }
        (_, Input::Recover) => steps::recover::take(flow, facts, env),
        (
            _,
            Input::Challenge {
                authenticator_id, ..
            },
        ) => steps::select_authenticator::take(flow, &authenticator_id, facts, env),
        (_, Input::Enroll { authenticator_id }) => {
            steps::select_authenticator_enroll::take(flow, &authenticator_id, env)
        }
        (_, Input::Resend) => steps::resend::take(flow, facts, env),
        (_, Input::Skip) => steps::skip::take(flow, facts, env),
        (Stage::EnrollAuthenticator { .. }, Input::Answer { passcode, .. }) => {
            steps::enroll_authenticator::take(flow, passcode.as_ref(), facts, env)
        }
        (Stage::ChallengeAuthenticator { .. }, Input::Answer { passcode, .. }) => {
            steps::challenge_authenticator::take(flow, passcode.as_ref(), facts, env)
        }
        (
            Stage::ReenrollAuthenticator { .. } | Stage::ResetAuthenticator { .. },
            Input::Answer {
                passcode,
                revoke_sessions,
            },
        ) => steps::reset_authenticator::take(flow, passcode.as_ref(), revoke_sessions, facts, env),
        (_, Input::Answer { .. } | Input::Identify { .. } | Input::Introspect | Input::Poll) => {
            Err(Refusal::Bug("an input was admitted that no step takes"))
        }
    }
}
