//! How long rows are kept that nobody needs any more.

/// How long ended flows, codes and grants are kept after their end, in seconds: as tombstones, so
/// that a late answer is told apart from a wrong one (I-08), and a second use from a first (I-09).
/// Longer than any access token lives.
pub const ENDED_KEPT_SECONDS: i64 = 24 * 60 * 60;

/// How long rows of the audit log are kept, in seconds (`audit.retention`, security §3).
pub const AUDIT_KEPT_SECONDS: i64 = 400 * 24 * 60 * 60;
