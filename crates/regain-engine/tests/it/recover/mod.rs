//! Password recovery, as scripts.

mod code;
mod happy_path;
mod new_password;
mod unknown_people;
