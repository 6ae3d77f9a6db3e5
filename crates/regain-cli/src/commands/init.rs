//! `regain init`: a configuration with comments, a master key, a pepper, and the cost of a hash
//! measured.

mod calibration;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::failure::{Failure, reason};
use crate::pepper_file::{PEPPER_FILE, create_pepper};
use crate::private_files::{MASTER_KEY_FILE, create_master_key, make_private_dir, write_private};
use crate::say;

use calibration::Cost;

const CONFIG_FILE: &str = "regain.toml";
const TEMPLATE: &str = include_str!("init/regain.toml");

/// Write a commented regain.toml, a master key and a pepper, to start from
///
/// Measures what a password hash costs on this machine. Nothing that is there is overwritten.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to write them; made if it is missing
    #[arg(value_name = "DIR", default_value = ".")]
    directory: PathBuf,
}

/// Writes the files.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Failure> {
    let directory = &options.directory;
    let config = directory.join(CONFIG_FILE);
    let key = directory.join(MASTER_KEY_FILE);
    let pepper = directory.join(PEPPER_FILE);
    for path in [&config, &key, &pepper] {
        // Also a link that leads nowhere: somebody put it there.
        if fs::symlink_metadata(path).is_ok() {
            return Err(Failure::unusable(format!(
                "{} is there already and is not overwritten: choose another directory, or move it away",
                path.display()
            )));
        }
    }
    make_private_dir(directory).map_err(|error| cannot_write(directory, &error))?;
    let cost = calibration::measure()?;
    create_master_key(&key).map_err(|error| cannot_write(&key, &error))?;
    create_pepper(&pepper).map_err(|error| cannot_write(&pepper, &error))?;
    write_private(&config, &filled_in(cost)).map_err(|error| cannot_write(&config, &error))?;
    say(&next_steps(&config, [&key, &pepper], cost));
    Ok(ExitCode::SUCCESS)
}

fn filled_in(cost: Cost) -> String {
    TEMPLATE
        .replace("@MEMORY_KIB@", &cost.memory_kib.to_string())
        .replace("@PASSES@", &cost.passes.to_string())
        .replace("@MILLISECONDS@", &cost.milliseconds.to_string())
}

fn next_steps(config: &Path, keys: [&Path; 2], cost: Cost) -> String {
    let config = config.display();
    let [key, pepper] = keys.map(Path::display);
    format!(
        "\
Wrote {config}
      {key}   (the secret of this deployment)
      {pepper}   (goes into password hashes: without it nobody's password is right)
Keep copies of both keys apart from the database's backups.
A password hash takes about {ms} ms here ({memory} KiB, {passes} pass(es)).

Next:
  1. Edit {config}: public_url, [mail], [org], [[clients]].
  2. regain config check --config {config}
  3. regain users create --config {config} --login you@example.com --password-stdin
  4. regain serve --config {config}         (--dev: mails go to /dev/mailbox)
  5. regain doctor --config {config}        when something does not work",
        ms = cost.milliseconds,
        memory = cost.memory_kib,
        passes = cost.passes,
    )
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::unusable(format!(
        "cannot write {}: {}",
        path.display(),
        reason(error)
    ))
}
