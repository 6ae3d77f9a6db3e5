//! Password recovery, as scripts.

mod code;
mod happy_path;
mod new_password;
mod proof_of_work;
mod unknown_people;
