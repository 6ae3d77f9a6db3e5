//! What an operator watches, in the text format of Prometheus.
//!
//! Labels are types of [`labels`]: routes, operations and outcomes, of which there is a fixed
//! number. No address, id, name or anything else of a request becomes one (C-09, T8).

mod labels;
mod process;
mod store;

use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use regain_store::Backlog;

use labels::{
    AuditLabels, FlowLabels, FlowStep, LimitLabels, MailLabels, ShedLabels, StoreErrorLabels,
    StoreLabels,
};
pub(crate) use labels::{Limit, Method, Request, Route};
pub(crate) use store::Measured;

use crate::shedding::Class;

/// Up to the handler's time-out of 10 s; light steps take single milliseconds.
const REQUEST_SECONDS: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// A hash takes 20 to 500 ms; it may wait 2 s for its turn.
const HASH_SECONDS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2];
const STORE_SECONDS: [f64; 10] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 5.0,
];

type Histograms<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of a server; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    requests: Family<Request, Counter>,
    request_seconds: Histograms<Route>,
    hash: HashMetrics,
    outbox_messages: Gauge,
    outbox_oldest_seconds: Gauge,
    mails: Family<MailLabels, Counter>,
    flows: Family<FlowLabels, Counter>,
    audit_events: Family<AuditLabels, Counter>,
    store_seconds: Histograms<StoreLabels>,
    store_errors: Family<StoreErrorLabels, Counter>,
    limit_refusals: Family<LimitLabels, Counter>,
    shed: Family<ShedLabels, Counter>,
}

/// What the hashing queue tells.
#[derive(Clone, Debug)]
pub(crate) struct HashMetrics {
    waiting: Gauge,
    wait_seconds: Histogram,
    work_seconds: Histogram,
    refused: Counter,
}

impl Default for HashMetrics {
    fn default() -> Self {
        Self {
            waiting: Gauge::default(),
            wait_seconds: Histogram::new(HASH_SECONDS),
            work_seconds: Histogram::new(HASH_SECONDS),
            refused: Counter::default(),
        }
    }
}

impl HashMetrics {
    /// A job waits for a thread.
    pub(crate) fn queued(&self) {
        self.waiting.inc();
    }

    /// Jobs left without a thread: nobody waited for them any more.
    pub(crate) fn left(&self, count: usize) {
        self.waiting
            .dec_by(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A thread took a job that had waited so long.
    pub(crate) fn taken(&self, waited: Duration) {
        self.waiting.dec();
        self.wait_seconds.observe(waited.as_secs_f64());
    }

    /// A job took a thread so long.
    pub(crate) fn computed(&self, worked: Duration) {
        self.work_seconds.observe(worked.as_secs_f64());
    }

    /// A request got no hash: the queue was full or too slow.
    pub(crate) fn refused(&self) {
        self.refused.inc();
    }
}

impl Default for Metrics {
    /// What has not happened yet is 0, and not missing: so that a first time can be seen.
    fn default() -> Self {
        let metrics = Self::empty();
        for limit in [Limit::Address, Limit::Flow] {
            let labels = LimitLabels { limit };
            metrics.limit_refusals.get_or_create_owned(&labels);
        }
        for class in [
            Class::Continuing,
            Class::Essential,
            Class::Opening,
            Class::Starting,
        ] {
            metrics.shed.get_or_create_owned(&ShedLabels::of(class));
        }
        for step in [
            FlowStep::Begun,
            FlowStep::CodeSent,
            FlowStep::RecoveryCompleted,
            FlowStep::RecoveryStarted,
            FlowStep::SignedIn,
        ] {
            let labels = FlowLabels { step };
            metrics.flows.get_or_create_owned(&labels);
        }
        for operation in ["load_flow", "commit"] {
            let error = "unavailable";
            let labels = StoreErrorLabels { operation, error };
            metrics.store_errors.get_or_create_owned(&labels);
        }
        metrics
    }
}

impl Metrics {
    fn empty() -> Self {
        Self {
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS)),
            hash: HashMetrics::default(),
            outbox_messages: Gauge::default(),
            outbox_oldest_seconds: Gauge::default(),
            mails: Family::default(),
            flows: Family::default(),
            audit_events: Family::default(),
            store_seconds: Family::new_with_constructor(|| Histogram::new(STORE_SECONDS)),
            store_errors: Family::default(),
            limit_refusals: Family::default(),
            shed: Family::default(),
        }
    }
}

impl Metrics {
    /// What the hashing queue tells goes here.
    pub(crate) fn hash(&self) -> &HashMetrics {
        &self.hash
    }

    /// A request was answered.
    pub(crate) fn answered(&self, request: &Request, took: Duration) {
        self.requests.get_or_create(request).inc();
        let seconds = took.as_secs_f64();
        let route = &request.route;
        self.request_seconds.get_or_create(route).observe(seconds);
    }

    /// A limit refused somebody.
    pub(crate) fn refused(&self, limit: Limit) {
        self.limit_refusals
            .get_or_create(&LimitLabels { limit })
            .inc();
    }

    /// There was no room for a request.
    pub(crate) fn shed(&self, class: Class) {
        self.shed.get_or_create(&ShedLabels::of(class)).inc();
    }

    /// What is in the outbox now; unknown when the store did not say.
    pub(crate) fn outbox_is(&self, backlog: Option<Backlog>) {
        let (messages, seconds) = backlog.map_or((-1, -1), |backlog| {
            let messages = i64::try_from(backlog.messages).unwrap_or(i64::MAX);
            (messages, backlog.oldest_seconds)
        });
        self.outbox_messages.set(messages);
        self.outbox_oldest_seconds.set(seconds);
    }

    /// Everything, as text.
    pub(crate) fn text(&self) -> Result<String, std::fmt::Error> {
        let mut registry = Registry::default();
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("regain_build", "The program that runs", build);
        self.register_requests(&mut registry);
        self.register_work(&mut registry);
        process::register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry)?;
        Ok(text)
    }

    fn register_requests(&self, registry: &mut Registry) {
        registry.register(
            "regain_http_requests",
            "Requests by route, method and status",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "regain_http_request_duration",
            "How long an answer took, by route",
            Unit::Seconds,
            self.request_seconds.clone(),
        );
        registry.register(
            "regain_limit_refusals",
            "Requests that a limit refused, by limit",
            self.limit_refusals.clone(),
        );
        registry.register(
            "regain_shed",
            "Requests that were sent away because too many were under way, by class",
            self.shed.clone(),
        );
        registry.register(
            "regain_flows",
            "Flows that reached a step: begun, recovery_started, code_sent, recovery_completed, signed_in",
            self.flows.clone(),
        );
        registry.register(
            "regain_audit_events",
            "Rows of the audit log by name and outcome",
            self.audit_events.clone(),
        );
    }

    fn register_work(&self, registry: &mut Registry) {
        registry.register(
            "regain_hash_queue",
            "Password hashes that wait for a thread",
            self.hash.waiting.clone(),
        );
        registry.register_with_unit(
            "regain_hash_wait",
            "How long a password hash waited for a thread",
            Unit::Seconds,
            self.hash.wait_seconds.clone(),
        );
        registry.register_with_unit(
            "regain_hash_duration",
            "How long a password hash kept a thread",
            Unit::Seconds,
            self.hash.work_seconds.clone(),
        );
        registry.register(
            "regain_hash_refused",
            "Requests that got no password hash in time and were answered with 503",
            self.hash.refused.clone(),
        );
        registry.register(
            "regain_outbox_messages",
            "Mails that wait to be sent; -1 when the store does not answer",
            self.outbox_messages.clone(),
        );
        registry.register_with_unit(
            "regain_outbox_oldest",
            "How long the oldest of them has waited; -1 when the store does not answer",
            Unit::Seconds,
            self.outbox_oldest_seconds.clone(),
        );
        registry.register(
            "regain_mails",
            "Attempts to send a mail, by kind and outcome",
            self.mails.clone(),
        );
        registry.register_with_unit(
            "regain_store_duration",
            "How long the store took, by operation",
            Unit::Seconds,
            self.store_seconds.clone(),
        );
        registry.register(
            "regain_store_errors",
            "Operations that the store refused, by kind of error",
            self.store_errors.clone(),
        );
    }
}
