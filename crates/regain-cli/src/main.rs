//! regain
fn main() {}
