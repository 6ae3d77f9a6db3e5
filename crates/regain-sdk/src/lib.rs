//! regain-sdk
