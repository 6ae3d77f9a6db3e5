//! The ledgers that a step is charged to, opened: read once, changed, and written with the step.

use regain_types::{FlowId, Secret, Timestamp, TokenHash, UserId, random_token};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::gate::{Attempted, Pass};
use super::identifier::{Payment, StartVerdict};
use super::limit::{Limit, Limited};
use super::{DeviceLedger, IdentifierLedger, OrgLedger, OrgTurn};
use crate::authenticators::Tools;
use crate::effect::{AuditEvent, AuditSubject, Effect, Outcome};
use crate::flow::{Flow, Who};
use crate::intents::hashed;
use crate::ledger::{LedgerKey, LedgerKeys, LedgerRow, LedgerWrite};
use crate::need::Facts;
use crate::policy::Limits;
use crate::refusal::Refusal;
use crate::step::Env;

/// What a name, a device and the org have spent, as one step finds and leaves it.
#[derive(Debug)]
pub(crate) struct Spent {
    keys: LedgerKeys,
    now: Timestamp,
    limits: Limits,
    /// Right answers of the whole org in the last day, about.
    answered_24h: u32,
    identifier: Row<IdentifierLedger>,
    /// There when the device is known.
    device: Option<Row<DeviceLedger>>,
    org: Row<OrgLedger>,
    /// Whose device it is.
    owner: Option<UserId>,
    subject: AuditSubject,
    events: Vec<Effect>,
}

/// A ledger and what the commit must do about its row.
#[derive(Debug)]
struct Row<T> {
    version: u64,
    ledger: T,
    end: Ending,
}

/// What the commit must do about a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// Nothing.
    Ignored,
    /// Hold its version: it was decided by.
    Required,
    /// Write it.
    Changed,
}

/// How a code is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    /// Digits of the code.
    pub(crate) digits: u8,
    /// Whether a known device asks: its mails go first when the org's are scarce (M-03).
    pub(crate) known_device: bool,
}

impl Spent {
    /// Opens the ledgers of a name, as they were loaded with the flow.
    ///
    /// A ledger that cannot be read refuses the step: nothing is ever taken for unspent (I-15).
    pub(crate) fn open(who: &Who, facts: &Facts, tools: &Tools<'_>) -> Result<Self, Refusal> {
        let ledgers = &facts.ledgers;
        let device = match (who.ledgers.device, &ledgers.device) {
            (Some(_), Some(row)) => Some(read::<DeviceLedger>(row)?),
            (Some(_) | None, _) => None,
        };
        Ok(Self {
            keys: who.ledgers,
            now: tools.now,
            limits: tools.policy.limits,
            answered_24h: facts.answered_24h,
            identifier: read_or_new(ledgers.identifier.as_ref())?,
            device: device.filter(|row| tools.now < row.ledger.end()),
            org: read_or_new(ledgers.org.as_ref())?,
            owner: facts.user.as_ref().map(|user| user.id.clone()),
            subject: AuditSubject::Identifier(hashed(&who.canonical, tools.keys, tools.org)),
            events: Vec::new(),
        })
    }

    // --- asked by the gate -------------------------------------------------------------------

    /// What stands in the way of comparing a code (G-01, G-03).
    pub(super) fn code_limited(&self, digits: u8) -> Option<Limited> {
        if !self.is_short(digits) {
            return None;
        }
        // A new code helps, and it is long: nobody waits for short ones to come back.
        let spent = self
            .identifier
            .ledger
            .short_codes_at(&self.limits, self.now);
        if spent.is_some() {
            return Some(Limited::by(Limit::IdentifierShortCodes));
        }
        let closed = self.org.ledger.is_long(self.now) && self.device.is_none();
        closed.then_some(Limited::by(Limit::OrgShortCodes))
    }

    /// What stands in the way of comparing a password (G-04, G-08). A known device waits for its
    /// own mistakes only, and is never suspended (G-07).
    pub(super) fn password_limited(&self) -> Option<Limited> {
        let most = self.limits.consecutive_failures;
        let row = match &self.device {
            Some(device) => device.ledger.passwords(),
            None => self.identifier.ledger.passwords(),
        };
        if self.device.is_none() && row.count(most, self.now) > most {
            return Some(Limited::by(Limit::PasswordSuspended));
        }
        let until = row.free_at(most, self.now)?;
        Some(Limited::until(Limit::PasswordBackoff, until))
    }

    /// Whether the device counts apart for a second factor that the user has `since`: only when
    /// somebody signed in on it with that. Whoever had the password alone before may have made any
    /// number of devices known.
    fn knows_second_factor(&self, since: Timestamp) -> bool {
        let device = self.device.as_ref();
        device.is_some_and(|device| device.ledger.last_sign_in() >= since)
    }

    /// What stands in the way of comparing what comes after a right password. A known device waits
    /// for its own mistakes only.
    pub(super) fn second_factor_limited(&self, since: Option<Timestamp>) -> Option<Limited> {
        let since = since?;
        let knows = self.knows_second_factor(since);
        let Some(device) = self.device.as_ref().filter(|_| knows) else {
            let ledger = &self.identifier.ledger;
            let (until, is_spent) = ledger.second_factor_free_at(since, self.now)?;
            return Some(if is_spent {
                Limited::until(Limit::SecondFactorSuspended, until)
            } else {
                Limited::until(Limit::SecondFactorBackoff, until)
            });
        };
        let (row, most) = (device.ledger.passwords(), self.limits.consecutive_failures);
        // Whoever has guessed so often on it is not its owner.
        if row.count(most, self.now) > most {
            return Some(Limited::by(Limit::SecondFactorSuspended));
        }
        let until = row.free_at(most, self.now)?;
        Some(Limited::until(Limit::SecondFactorBackoff, until))
    }

    // --- told by whoever compared ------------------------------------------------------------

    /// A credential was wrong.
    pub(crate) fn failed(&mut self, pass: &Pass) {
        match pass.attempted() {
            Attempted::Code { digits } => self.wrong_code(self.is_short(digits)),
            Attempted::Password => {
                let (limits, now) = (self.limits, self.now);
                if let Some(device) = &mut self.device {
                    device.change().add_wrong_password(&limits, now);
                } else {
                    self.identifier.change().add_wrong_password(&limits, now);
                }
            }
            Attempted::Enrollment | Attempted::SecondFactor { since: None } => {}
            Attempted::SecondFactor { since: Some(since) } => {
                let (limits, now) = (self.limits, self.now);
                let knows = self.knows_second_factor(since);
                if let Some(device) = self.device.as_mut().filter(|_| knows) {
                    device.change().add_wrong_password(&limits, now);
                } else if self.identifier.change().add_wrong_second_factor(since, now) {
                    // A right password came before each of them, so it is known whose it is.
                    let owner = self.owner.clone().map(AuditSubject::User);
                    let subject = owner.unwrap_or_else(|| self.subject.clone());
                    self.event("user.mfa.factor.suspend", subject, Some("TOO_MANY_WRONG"));
                }
            }
        }
    }

    fn wrong_code(&mut self, short: bool) {
        let ledger = self.identifier.change();
        for reason in ledger.add_wrong_answer(short, &self.limits, self.now) {
            let subject = self.subject.clone();
            self.event("security.threat.detected", subject, Some(reason));
        }
        if short && !self.org.ledger.is_long(self.now) {
            let ledger = self.org.change();
            let turn = ledger.add_wrong(&self.limits, self.answered_24h, self.now);
            self.tell(turn);
        }
    }

    /// A credential was right. It costs nothing, but it was compared on the word of these ledgers:
    /// they must still be what they were.
    pub(crate) fn succeeded(&mut self, pass: &Pass) {
        match pass.attempted() {
            Attempted::Code { digits } if self.is_short(digits) => {
                self.identifier.require();
                if self.device.is_none() {
                    self.org.require();
                }
            }
            Attempted::Code { .. } | Attempted::Enrollment => {}
            Attempted::Password => match &mut self.device {
                Some(device) => device.require(),
                None => self.identifier.require(),
            },
            Attempted::SecondFactor { since } => {
                let knows = since.is_some_and(|since| self.knows_second_factor(since));
                match self.device.as_mut().filter(|_| knows) {
                    Some(device) => device.require(),
                    None => self.identifier.require(),
                }
            }
        }
    }

    /// The name is signed in: a success ends the row of wrong passwords, of this name only (G-09).
    pub(crate) fn signed_in(&mut self) {
        if self.identifier.ledger.sign_in() {
            self.identifier.change();
        }
        if let Some(device) = &mut self.device {
            device.change().renew(self.now);
        }
    }

    /// The device on which the name has just signed in is known from now on: the one that the app
    /// names, else a browser's, which gets a new name for it. A name that a browser showed and
    /// that is not known is never taken over: somebody may have planted it.
    pub(crate) fn remember(
        &mut self,
        (flow, who): (&Flow, &Who),
        browser: bool,
        env: &mut Env<'_>,
    ) -> Option<Secret<String>> {
        if self.device.is_some() {
            return None;
        }
        let told = flow.app.end_user.as_ref().and_then(|user| user.device);
        let new = (told.is_none() && browser).then(|| random_token(env.rng));
        let device = told.or_else(|| new.as_deref().map(TokenHash::of))?;
        self.keys = LedgerKeys::derive(env.keys, env.org, &who.canonical, Some(&device));
        self.device = Some(Row {
            version: 0,
            ledger: DeviceLedger::signed_in(self.now),
            end: Ending::Changed,
        });
        new.map(Secret::new)
    }

    /// The name has a new password: whatever else was under way for it is over.
    pub(crate) fn recovered(&mut self) {
        if self.identifier.ledger.end_all_starts() {
            self.identifier.change();
        }
        if self.identifier.ledger.succeed() {
            self.identifier.change();
        }
    }

    // --- recoveries and mails ----------------------------------------------------------------

    /// Begins a recovery, or says what it would cost. The one place that decides it (M-03).
    pub(crate) fn start(&mut self, flow: (&FlowId, Timestamp), paid: bool) -> StartVerdict {
        if !self.limits.volume {
            return StartVerdict::Begins;
        }
        let ledger = &self.identifier.ledger;
        let verdict = ledger.start_verdict(flow.0, &self.limits, self.now);
        let payment = match verdict {
            StartVerdict::Begins => Payment::Free,
            StartVerdict::ProofOfWorkNeeded { .. } if self.reserve_limited().is_none() => {
                Payment::KnownDevice
            }
            StartVerdict::ProofOfWorkNeeded { .. } if paid => Payment::ProofOfWork,
            StartVerdict::ProofOfWorkNeeded { .. } => return verdict,
        };
        let ledger = self.identifier.change();
        ledger.add_start(flow, payment, &self.limits, self.now);
        StartVerdict::Begins
    }

    /// Charges a mail with a code, and says how it is to be sent (M-02). A start that was paid for
    /// brings its own mails.
    pub(crate) fn issue(&mut self, code_length: u8, paid: bool) -> Result<Issue, Limited> {
        if self.limits.volume {
            self.charge_mail(paid)?;
        }
        let turn = self.org.ledger.settle(self.now);
        if turn.is_some() {
            self.org.change();
        }
        self.tell(turn);
        let long = self.org.ledger.is_long(self.now)
            || self
                .identifier
                .ledger
                .short_codes_at(&self.limits, self.now)
                .is_some();
        let digits = if long {
            code_length.max(self.limits.long_code_digits)
        } else {
            code_length
        };
        Ok(Issue {
            digits,
            known_device: self.device.is_some(),
        })
    }

    fn charge_mail(&mut self, paid: bool) -> Result<(), Limited> {
        let limits = self.limits;
        let ledger = &self.identifier.ledger;
        let Some(limited) = ledger.mail_at(&limits, self.now) else {
            self.identifier.change().add_mail(&limits, self.now);
            return Ok(());
        };
        if self.reserve_limited().is_none() {
            if let Some(device) = &mut self.device {
                device.change().add_mail(&limits, self.now);
            }
        } else if !paid {
            return Err(limited);
        } else if let Some(limited) = ledger.extra_mail_at(Payment::ProofOfWork, &limits, self.now)
        {
            return Err(limited);
        }
        self.identifier.change().add_extra_mail(self.now);
        Ok(())
    }

    /// What stands in the way of a mail of a known device's reserve; without a known device there
    /// is no reserve.
    fn reserve_limited(&self) -> Option<Limited> {
        let Some(device) = &self.device else {
            return Some(Limited::by(Limit::IdentifierMails));
        };
        let ledger = &self.identifier.ledger;
        match device.ledger.mail_at(&self.limits, self.now) {
            Some(until) => Some(Limited::until(Limit::IdentifierMails, until)),
            None => ledger.extra_mail_at(Payment::KnownDevice, &self.limits, self.now),
        }
    }

    // --- the commit --------------------------------------------------------------------------

    /// What the commit must do about the ledgers, and what the log is told.
    pub(crate) fn effects(self) -> Vec<Effect> {
        let (now, limits) = (self.now, self.limits);
        let mut effects = self.events;
        let end = self.identifier.ledger.end(&limits).unwrap_or(now);
        effects.extend(self.identifier.effect(self.keys.identifier, None, end));
        if let (Some(device), Some(key)) = (self.device, self.keys.device) {
            let end = device.ledger.end();
            effects.extend(device.effect(key, self.owner, end));
        }
        let end = self.org.ledger.end().unwrap_or(now);
        effects.extend(self.org.effect(LedgerKey::ORG, None, end));
        effects
    }

    fn is_short(&self, digits: u8) -> bool {
        digits < self.limits.long_code_digits
    }

    fn tell(&mut self, turn: Option<OrgTurn>) {
        match turn {
            Some(OrgTurn::AttackBegins) => {
                let reason = Some("TENANT_SHORT_WRONG_24H");
                self.event("security.attack.start", AuditSubject::Org, reason);
            }
            Some(OrgTurn::AttackEnds) => {
                self.event("security.attack.end", AuditSubject::Org, None);
            }
            None => {}
        }
    }

    fn event(&mut self, name: &'static str, subject: AuditSubject, reason: Option<&'static str>) {
        self.events.push(Effect::Audit(AuditEvent {
            name,
            subject,
            outcome: Outcome::Success,
            reason,
        }));
    }
}

impl<T> Row<T> {
    fn change(&mut self) -> &mut T {
        self.end = Ending::Changed;
        &mut self.ledger
    }

    fn require(&mut self) {
        if self.end == Ending::Ignored {
            self.end = Ending::Required;
        }
    }
}

impl<T: Serialize> Row<T> {
    fn effect(
        self,
        key: LedgerKey,
        owner: Option<UserId>,
        expires_at: Timestamp,
    ) -> Option<Effect> {
        match self.end {
            Ending::Ignored => None,
            Ending::Required => Some(Effect::RequireLedger {
                key,
                version: self.version,
            }),
            Ending::Changed => Some(Effect::SaveLedger(LedgerWrite {
                key,
                version: self.version,
                // Plain numbers, strings and lists always become JSON.
                state: serde_json::to_string(&self.ledger).unwrap_or_default(),
                expires_at,
                owner,
            })),
        }
    }
}

fn read<T: DeserializeOwned>(row: &LedgerRow) -> Result<Row<T>, Refusal> {
    let ledger = serde_json::from_str(&row.state)
        .map_err(|_| Refusal::Bug("a ledger in the store cannot be read"))?;
    Ok(Row {
        version: row.version,
        ledger,
        end: Ending::Ignored,
    })
}

fn read_or_new<T: DeserializeOwned + Default>(row: Option<&LedgerRow>) -> Result<Row<T>, Refusal> {
    match row {
        Some(row) => read(row),
        None => Ok(Row {
            version: 0,
            ledger: T::default(),
            end: Ending::Ignored,
        }),
    }
}
