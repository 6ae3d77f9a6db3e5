//! Work beside an operation: it ends by itself, soon, and nothing rests on it.

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

/// Runs a future beside what is asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "a store has no part in how a server stops: a connection ends with whoever holds it, and what else runs here has a time limit"
)]
pub(crate) fn run(work: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    tokio::spawn(work)
}

/// The same on another runtime than the caller's; gives what came of it.
pub(crate) fn run_on<T: Send + 'static>(
    runtime: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> JoinHandle<T> {
    runtime.spawn(work)
}
