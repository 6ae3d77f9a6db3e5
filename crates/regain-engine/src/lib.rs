//! regain-engine
