//! Mails as other programs see them.

#[cfg(test)]
mod compose;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod gallery;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod injection;
#[cfg(test)]
mod mailbox;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod templates;
