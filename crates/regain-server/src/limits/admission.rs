//! One request of a flow, from the handle to the verdict (H-10).
//!
//! Whom a request is charged to stands on its flow: the client, and the person behind it. A node
//! remembers that for handles that it has seen, so that most refusals cost no look-up; for others
//! the flow is loaded first, which an admitted request needs anyway.

use std::net::IpAddr;

use axum::response::Response;
use regain_engine::{EndUser, Flow, Input, Intent, LedgerKey, Stage};
use regain_oauth::Client;
use regain_store::{Loaded, RequestMeta, StoreError};
use regain_types::TokenHash;

use super::edge::{set_headers, unused};
use super::handle::TooFast;
use super::share::{Ceiling, Quota, Verdict};
use super::violations::Violation;
use super::{Over, Owner, Slot, Who, key_of, lock};
use crate::address;
use crate::api_error::ApiError;
use crate::settings::AddressLimits;
use crate::state::AppState;

const MINUTE_SECONDS: i64 = 60;
const HOUR_SECONDS: i64 = 60 * 60;
/// A /24 or /48 may do so many times what an address may: an office or a village behind one
/// provider, and still a small part of what a botnet of addresses in one network could do.
const SITE_FACTOR: u32 = 10;
/// So many refusals of a window still show the forms; then the answer costs no look-up.
const SHOWN_MAX: u32 = 10;

/// A limit was over-run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OverRun {
    /// When to come back.
    pub(crate) retry_after_seconds: i64,
    /// Whether the answer may cost a look-up, to keep the forms on the page.
    pub(crate) shows_forms: bool,
}

/// Why a request is not taken.
#[derive(Debug)]
pub(crate) enum Denied {
    /// A limit.
    OverRun(OverRun),
    /// The store does not answer: then nothing is admitted (I-15).
    Store(StoreError),
}

impl From<StoreError> for Denied {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Denied> for ApiError {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::OverRun(over) => Self::TooManyRequests(over.retry_after_seconds),
            Denied::Store(error) => error.into(),
        }
    }
}

/// A request on its way through the limits. Dropping it says that the request is over.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    state: &'a AppState,
    request: RequestMeta,
    address: IpAddr,
    quota: Quota,
    slot: Option<Slot>,
    is_charged: bool,
}

impl<'a> Admission<'a> {
    /// A request that is not charged to anybody yet.
    pub(crate) fn new(state: &'a AppState, request: &RequestMeta) -> Self {
        let address = request.address.as_deref().and_then(address::read);
        Self {
            state,
            request: request.clone(),
            address: address.unwrap_or(address::NOWHERE),
            quota: unused(state, per_minute(state.settings().address_limits)),
            slot: None,
            is_charged: false,
        }
    }

    /// Before anything is read.
    pub(crate) async fn enter(&mut self, handle: &TokenHash, is_poll: bool) -> Result<(), Denied> {
        if !self.counts() {
            return Ok(());
        }
        self.check_handle(handle, is_poll).await?;
        let owner = lock(&self.state.limits().owners).entry(*handle).clone();
        match owner {
            Some(owner) => self.charge(&owner).await,
            None => Ok(()),
        }
    }

    /// Once the flow is known; `starts` when the request begins a recovery.
    pub(crate) async fn know(&mut self, handle: &TokenHash, loaded: &Loaded) -> Result<(), Denied> {
        self.state.limits().observe(loaded.now);
        if !self.counts() || self.is_charged {
            return Ok(());
        }
        let owner = owner_of(&loaded.flow, loaded.ledgers.device.is_some());
        let slot = Some(owner.clone());
        *lock(&self.state.limits().owners).entry(*handle) = slot;
        self.charge(&owner).await
    }

    /// A name is given to recover by, or was given for a sign-in that turns into a recovery, or that
    /// begins with a mail. Before
    /// anybody is looked for, and the same for nobody.
    pub(crate) async fn start(&mut self, flow: &Flow, input: &Input) -> Result<(), Denied> {
        let names_somebody = match &flow.stage {
            Stage::IdentifyRecovery => matches!(input, Input::Identify { .. }),
            Stage::ChallengeAuthenticator { climb, .. } => {
                climb.intent == Intent::SignIn && matches!(input, Input::Recover)
            }
            Stage::Completed(_)
            | Stage::ConfirmAuthenticator { .. }
            | Stage::Dead
            | Stage::EnrollAuthenticator { .. }
            | Stage::Identify
            | Stage::ReenrollAuthenticator { .. }
            | Stage::ResetAuthenticator { .. }
            | Stage::SelectAuthenticator { .. }
            | Stage::SelectAuthenticatorEnroll { .. } => false,
        };
        let (keys, org) = (self.state.keys(), self.state.org());
        let sends = flow.sends_unproved(input, keys, org);
        if !(names_somebody || sends) || !self.counts() {
            return Ok(());
        }
        let owner = owner_of(flow, false);
        let Some(address) = self.address_of(&owner) else {
            return Ok(());
        };
        let ceiling = Ceiling {
            at_most: self.state.settings().address_limits.starts_per_hour,
            window_seconds: HOUR_SECONDS,
        };
        let (host, site) = (address::host(address), address::site(address));
        let violation = (Violation::Starts, &owner);
        let key = key_of(self.state, b"starts", &[&host.bytes()]);
        self.use_one(key, (ceiling, Over::AllNodes), violation)
            .await?;
        let key = key_of(self.state, b"starts", &[&site.bytes()]);
        let wide = (ceiling.times(SITE_FACTOR), Over::AllNodes);
        self.use_one(key, wide, violation).await?;
        Ok(())
    }

    /// No flow has this handle. Handles cannot be guessed; this bounds what asking costs, and is
    /// never charged to anybody's flow.
    pub(crate) async fn miss(&mut self) -> Result<(), Denied> {
        if !self.counts() {
            return Ok(());
        }
        let host = address::host(self.address);
        let key = key_of(self.state, b"misses", &[&host.bytes()]);
        let limits = self.state.limits();
        let ceiling = per_minute(self.state.settings().address_limits);
        let verdict = limits.charge(self.state, key, (ceiling, Over::ThisNode));
        match verdict.await? {
            Verdict::Admitted(quota) => {
                self.quota = quota;
                Ok(())
            }
            Verdict::Refused(quota, _) => {
                self.quota = quota;
                Err(self.over_run(false))
            }
        }
    }

    /// A call of `interact`: the first request of a flow.
    pub(crate) async fn interact(
        &mut self,
        client: &Client,
        told: Option<&EndUser>,
    ) -> Result<(), Denied> {
        if !self.counts() {
            return Ok(());
        }
        let owner = Owner {
            client: client.id.clone(),
            who: who(client.is_confidential(), told),
            device: None,
        };
        self.charge(&owner).await
    }

    /// Says in the answer what is left.
    pub(crate) fn mark(&self, response: &mut Response) {
        set_headers(response.headers_mut(), self.quota);
    }

    fn counts(&self) -> bool {
        self.state.settings().policy.limits.volume
    }

    async fn check_handle(&mut self, handle: &TokenHash, is_poll: bool) -> Result<(), Denied> {
        let limits = self.state.limits();
        let used = |now| {
            let mut handles = lock(&limits.handles);
            let handle = handles.entry(*handle);
            if is_poll {
                handle.poll(now)
            } else {
                handle.step(now)
            }
        };
        let store = self.state.store();
        if used(limits.time.about(store).await?).is_ok() {
            return Ok(());
        }
        let Err(TooFast { wait_ms, before }) = used(limits.time.surely(store).await?) else {
            return Ok(());
        };
        if before <= 1 {
            self.note(Violation::Handle, "unknown");
        }
        self.quota.remaining = 0;
        Err(Denied::OverRun(OverRun {
            retry_after_seconds: (wait_ms + 999) / 1_000,
            shows_forms: before < SHOWN_MAX,
        }))
    }

    async fn charge(&mut self, owner: &Owner) -> Result<(), Denied> {
        self.is_charged = true;
        let limits = self.state.settings().address_limits;
        let client = owner.client.as_str().as_bytes();
        let violation = (Violation::Requests, owner);
        let Some(address) = self.address_of(owner) else {
            let ceiling = Ceiling {
                at_most: limits.app_requests_per_minute,
                window_seconds: MINUTE_SECONDS,
            };
            let key = key_of(self.state, b"app", &[client]);
            self.quota = self
                .use_one(key, (ceiling, Over::AllNodes), violation)
                .await?;
            return Ok(());
        };
        let ceiling = per_minute(limits);
        let host = address::host(address).bytes();
        let device: &[u8] = owner.device.as_ref().map_or(&[], |key| key.as_bytes());
        let key = key_of(self.state, b"requests", &[client, &host, device]);
        self.slot = self.state.limits().begin(key, limits.concurrent);
        if self.slot.is_none() {
            return Err(self.crowded(owner));
        }
        self.quota = self
            .use_one(key, (ceiling, Over::AllNodes), violation)
            .await?;
        // A known device keeps its budget when others use up the network's.
        if owner.device.is_none() {
            let site = address::site(address).bytes();
            let key = key_of(self.state, b"requests", &[client, &site]);
            let wide = (ceiling.times(SITE_FACTOR), Over::AllNodes);
            let quota = self.use_one(key, wide, violation).await?;
            if quota.remaining < self.quota.remaining {
                self.quota = quota;
            }
        }
        Ok(())
    }

    fn address_of(&self, owner: &Owner) -> Option<IpAddr> {
        match owner.who {
            Who::Peer => Some(self.address),
            Who::Told(address) => Some(address),
            Who::App => None,
        }
    }

    async fn use_one(
        &mut self,
        key: LedgerKey,
        budget: (Ceiling, Over),
        (violation, owner): (Violation, &Owner),
    ) -> Result<Quota, Denied> {
        match self.state.limits().charge(self.state, key, budget).await? {
            Verdict::Admitted(quota) => Ok(quota),
            Verdict::Refused(quota, before) => {
                if before == 0 {
                    self.note(violation, owner.client.as_str());
                }
                self.quota = quota;
                Err(self.over_run(before < SHOWN_MAX))
            }
        }
    }

    fn over_run(&self, shows_forms: bool) -> Denied {
        let now = self.state.limits().now();
        Denied::OverRun(OverRun {
            retry_after_seconds: self.quota.resets_at.seconds_since(now).max(1),
            shows_forms,
        })
    }

    /// Too many at once: both figures are 0 (`idx-wire` §1.4).
    fn crowded(&mut self, owner: &Owner) -> Denied {
        self.note(Violation::Concurrency, owner.client.as_str());
        (self.quota.limit, self.quota.remaining) = (0, 0);
        Denied::OverRun(OverRun {
            retry_after_seconds: 1,
            shows_forms: false,
        })
    }

    fn note(&self, violation: Violation, client: &str) {
        let request = self.request.clone();
        let violations = &self.state.limits().violations;
        violations.note(self.state, (violation, client), request);
    }
}

fn per_minute(limits: AddressLimits) -> Ceiling {
    Ceiling {
        at_most: limits.requests_per_minute,
        window_seconds: MINUTE_SECONDS,
    }
}

fn owner_of(flow: &Flow, is_known_device: bool) -> Owner {
    let device = flow.ledgers().and_then(|ledgers| ledgers.device);
    Owner {
        client: flow.app.client_id.clone(),
        who: who(flow.app.confidential, flow.app.end_user.as_ref()),
        device: device.filter(|_| is_known_device),
    }
}

/// Whose address counts: a confidential client names its user only with its secret.
fn who(is_confidential: bool, told: Option<&EndUser>) -> Who {
    let told = told.and_then(|user| user.address.as_deref());
    match (is_confidential, told.and_then(address::read)) {
        (false, _) => Who::Peer,
        (true, Some(address)) => Who::Told(address),
        (true, None) => Who::App,
    }
}
