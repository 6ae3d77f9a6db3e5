//! regain-store-sqlite
