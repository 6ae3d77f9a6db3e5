//! regain-web
