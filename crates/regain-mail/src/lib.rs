//! regain-mail
