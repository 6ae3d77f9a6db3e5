//! regain-server
