//! regain-oauth
