//! The reference: what the security page says about recovery, written down a second time, with
//! nothing of the engine in it.

/// One move of a walk.
#[derive(Clone, Debug)]
pub(crate) enum Move {
    Cancel,
    Code(usize),
    Identify(usize),
    Password,
    Poll,
    Recover,
    Resend,
    Select,
    Wait(i64),
    Wrong,
}

/// Where a flow of the reference stands. People are numbers; the first two have an account.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Model {
    Choice { who: usize },
    Code(Code),
    Done,
    First,
    Over,
    RecoverPage,
    Reset { who: usize, proved: i64 },
}

/// An open code page.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Code {
    who: usize,
    wrong: u32,
    total: u32,
    sends: u32,
    sent: i64,
}

/// A flow of the reference; times in seconds.
#[derive(Clone, Debug)]
pub(crate) struct ModelFlow {
    pub(crate) created: i64,
    pub(crate) at: Model,
}

/// Where a move leads, whether it was allowed, and whose password it set.
type Verdict = (Model, bool, Option<usize>);

impl ModelFlow {
    /// Takes a move. `right`: the code is the one that this flow waits for.
    pub(crate) fn take(&mut self, one: &Move, right: bool, now: i64) -> (bool, Option<usize>) {
        if self.is_over(now) {
            return (false, None);
        }
        let (next, allowed, set) = match (self.at.clone(), one) {
            (_, Move::Cancel) => (Model::First, true, None),
            (Model::First, Move::Recover) => (Model::RecoverPage, true, None),
            (Model::RecoverPage, Move::Identify(who)) => (Model::Choice { who: *who }, true, None),
            (at @ Model::Choice { .. }, Move::Poll | Move::Recover)
            | (at @ Model::Reset { .. }, Move::Poll) => (at, true, None),
            (Model::Choice { who }, Move::Select) => {
                let code = Code {
                    who,
                    wrong: 0,
                    total: 0,
                    sends: 1,
                    sent: now,
                };
                (Model::Code(code), true, None)
            }
            (Model::Code(code), one) => code.take(one, right, now),
            (Model::Reset { who, .. }, Move::Password) => (Model::Done, true, Some(who)),
            (at, _) => (at, false, None),
        };
        self.at = next;
        (allowed, set)
    }

    /// Whom the flow is about, if it still can be about somebody.
    pub(crate) fn who(&self) -> Option<usize> {
        match self.at {
            Model::Choice { who } | Model::Reset { who, .. } => Some(who),
            Model::Code(code) => Some(code.who),
            Model::Done | Model::First | Model::Over | Model::RecoverPage => None,
        }
    }

    fn is_over(&self, now: i64) -> bool {
        let idle = match &self.at {
            Model::Code(code) => now >= code.sent + 900,
            Model::Reset { proved, .. } => now >= proved + 600,
            _ => false,
        };
        matches!(self.at, Model::Done | Model::Over) || now >= self.created + 3_600 || idle
    }
}

impl Code {
    fn take(self, one: &Move, right: bool, now: i64) -> Verdict {
        match one {
            Move::Poll => (Model::Code(self), true, None),
            // The code is on its way: choosing again is harmless, a resend too early.
            Move::Select | Move::Resend if now < self.sent + 30 => {
                (Model::Code(self), matches!(one, Move::Select), None)
            }
            Move::Select | Move::Resend if self.sends < 5 => {
                let fresh = Self {
                    wrong: 0,
                    sends: self.sends + 1,
                    sent: now,
                    ..self
                };
                (Model::Code(fresh), true, None)
            }
            Move::Code(_) | Move::Wrong | Move::Password if self.wrong < 5 && self.total < 10 => {
                if right && is_real(self.who) && now < self.sent + 300 {
                    return (
                        Model::Reset {
                            who: self.who,
                            proved: now,
                        },
                        true,
                        None,
                    );
                }
                let counted = Self {
                    wrong: self.wrong + 1,
                    total: self.total + 1,
                    ..self
                };
                (Model::Code(counted), false, None)
            }
            _ => (Model::Code(self), false, None),
        }
    }
}

fn is_real(who: usize) -> bool {
    who < 2
}

/// One word for a stage, as the test of the engine names it.
pub(crate) fn model_name(model: &Model) -> &'static str {
    match model {
        Model::Choice { .. } => "choice",
        Model::Code(_) => "code",
        Model::Done => "done",
        Model::First => "first",
        Model::Over => "over",
        Model::RecoverPage => "recover",
        Model::Reset { .. } => "reset",
    }
}
