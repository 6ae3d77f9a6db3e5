//! `regain mail preview`: what mails look like, with the operator's templates.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use regain_mail::{Brand, Language, Mail, Rendered, render};

use super::ConfigFile;
use crate::failure::{Failure, reason};
use crate::{config, print, say};

/// Look at mails
#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    Preview(Preview),
}

/// Write mails with made-up content, as they would be sent
///
/// Nothing is sent. Templates of `[mail] templates` are used, and everything that is wrong with them
/// is told.
#[derive(Debug, Args)]
#[command(after_help = "Example: regain mail preview --template recovery_code --out preview")]
pub(crate) struct Preview {
    #[command(flatten)]
    file: ConfigFile,
    /// Only this mail: one of `authenticator_added`, `password_changed`, `recovery_code` and `sign_in_code`
    #[arg(long, value_name = "NAME", value_parser = mail)]
    template: Option<&'static str>,
    /// Only this language: en, de or ja
    #[arg(long, value_name = "TAG", value_parser = language)]
    language: Option<Language>,
    /// Write files into this directory; without it, subject and text go to stdout
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn mail(name: &str) -> Result<&'static str, String> {
    let known = Mail::NAMES.into_iter().find(|known| *known == name);
    known.ok_or_else(|| format!("the mails are {}", Mail::NAMES.join(", ")))
}

fn language(tag: &str) -> Result<Language, &'static str> {
    Language::from_tag(tag).ok_or("the languages are en, de and ja")
}

/// Runs it.
pub(crate) fn run(action: Action) -> Result<ExitCode, Failure> {
    let Action::Preview(preview) = action;
    preview.run()
}

impl Preview {
    fn run(self) -> Result<ExitCode, Failure> {
        let configuration = config::load(&self.file.config, None)?;
        for warning in configuration.warnings() {
            say(&format!("warning: {warning}"));
        }
        let brand = &configuration.settings.brand;
        for mail in Mail::samples() {
            if self.template.is_some_and(|name| name != mail.name()) {
                continue;
            }
            for language in Language::ALL {
                if self.language.is_none_or(|only| only == language) {
                    self.show(&mail, brand, language)?;
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn show(&self, mail: &Mail, brand: &Brand, language: Language) -> Result<(), Failure> {
        let rendered = render(mail, brand, language);
        let name = format!("{}.{}", mail.name(), language.tag());
        if let Some(directory) = &self.out {
            return write(directory, &name, &rendered);
        }
        print(&format!(
            "{name}\nSubject: {}\n\n{}",
            rendered.subject, rendered.text
        ));
        Ok(())
    }
}

fn write(directory: &Path, name: &str, rendered: &Rendered) -> Result<(), Failure> {
    let text = format!("Subject: {}\n\n{}", rendered.subject, rendered.text);
    let files = [("txt", text.as_str()), ("html", rendered.html.as_str())];
    fs::create_dir_all(directory)
        .and_then(|()| {
            files.iter().try_for_each(|(kind, content)| {
                let file = directory.join(format!("{name}.{kind}"));
                fs::write(&file, content)?;
                print(&file.display().to_string());
                Ok(())
            })
        })
        .map_err(|error| {
            Failure::failed(format!(
                "{} cannot be written: {}",
                directory.display(),
                reason(&error)
            ))
        })
}
