//! The file of the pepper: a line per version, for its owner's eyes only (P-02, K-03).

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use regain_types::{Pepper, PepperVersion, SystemEntropy};

use crate::failure::{Failure, reason};
use crate::private_files::{read_private, write_private};

/// The file's name in a data directory.
pub(crate) const PEPPER_FILE: &str = "pepper.key";
/// What is written before it takes the file's name ends so.
const NEW_SUFFIX: &str = ".new";

/// Where a deployment has its pepper from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PepperPlace {
    /// A variable of the environment.
    Environment,
    /// A file, which may be missing unless the configuration names it.
    File {
        /// Its path.
        path: PathBuf,
        /// Whether there is none until one is made.
        may_be_missing: bool,
    },
}

impl fmt::Display for PepperPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => f.write_str("REGAIN__HASH__PEPPER"),
            Self::File { path, .. } => path.display().fmt(f),
        }
    }
}

/// Reads a pepper that nobody else could have read.
///
/// # Errors
/// The rest of a sentence that begins with the path.
pub(crate) fn read_pepper(path: &Path) -> Result<Pepper, String> {
    let text = read_private(
        path,
        "`regain keys rotate pepper` makes one for a deployment that never had it",
    )?;
    Pepper::parse(text.expose()).map_err(|refused| refused.to_string())
}

/// Draws the first version into a new file.
///
/// # Errors
/// What the system says; [`io::ErrorKind::AlreadyExists`] when there is such a file.
pub(crate) fn create_pepper(path: &Path) -> io::Result<Pepper> {
    let pepper = Pepper::random(&mut SystemEntropy);
    write_private(path, pepper.encode().expose())?;
    Ok(pepper)
}

/// Adds a version to the file, or makes the file with it. Whoever reads it meanwhile reads the old
/// file or the new one, and so does whoever looks after a crash.
///
/// # Errors
/// A [`Failure`] that says what is in the way.
pub(crate) fn add_version(path: &Path, version: PepperVersion) -> Result<(), Failure> {
    // A link stays one: what it leads to is replaced.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let new = with_suffix(&target);
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new);
    let file = opened.map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Failure::unusable(format!(
            "{} is there: another rotation is at work, or one broke off; then remove that file and try again",
            new.display()
        )),
        _ => cannot_write(&new, &error),
    })?;
    let written = write_version(&target, file, version)
        .and_then(|()| fs::rename(&new, &target).map_err(|error| cannot_write(&target, &error)));
    if written.is_err() {
        let _ = fs::remove_file(&new);
        return written;
    }
    sync_directory(&target).map_err(|error| cannot_write(&target, &error))
}

/// Writes all versions of `target` and a new one, for the eyes that `target` is for.
fn write_version(target: &Path, mut file: File, version: PepperVersion) -> Result<(), Failure> {
    let cannot = |error: &io::Error| cannot_write(target, error);
    let old = match fs::metadata(target) {
        Ok(metadata) => {
            let pepper = read_pepper(target);
            let pepper =
                pepper.map_err(|said| Failure::unusable(format!("{} {said}", target.display())))?;
            Some((pepper, metadata))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(cannot(&error)),
    };
    let pepper = old.as_ref().map(|(pepper, _)| pepper.clone());
    let pepper = pepper
        .unwrap_or_default()
        .with_new(version, &mut SystemEntropy)
        .map_err(|refused| Failure::unusable(format!("{}: {refused}", target.display())))?;
    if let Some((_, metadata)) = &old {
        // The service reads it as another user than the one who rotates.
        let made = file.metadata().map_err(|error| cannot(&error))?;
        if (made.uid(), made.gid()) != (metadata.uid(), metadata.gid()) {
            std::os::unix::fs::fchown(&file, Some(metadata.uid()), Some(metadata.gid()))
                .map_err(|error| cannot(&error))?;
        }
        file.set_permissions(Permissions::from_mode(metadata.mode() & 0o777))
            .map_err(|error| cannot(&error))?;
    }
    file.write_all(pepper.encode().expose().as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| cannot(&error))
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(NEW_SUFFIX);
    name.into()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::failed(format!(
        "{} cannot be written: {}",
        path.display(),
        reason(error)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn version(number: u32) -> PepperVersion {
        PepperVersion::new(number).unwrap()
    }

    #[test]
    fn a_pepper_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(PEPPER_FILE);
        let made = create_pepper(&path).unwrap();
        assert_eq!(mode(&path), 0o600);
        let read = read_pepper(&path).unwrap();
        assert_eq!(read.encode().expose(), made.encode().expose());
        assert!(create_pepper(&path).is_err(), "it is never overwritten");
        for mode in [0o604, 0o644, 0o620, 0o602] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = read_pepper(&path).unwrap_err();
            assert!(refused.contains("chmod 600"), "{refused}");
            assert!(add_version(&path, version(2)).is_err());
        }
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "1 hunter2\n").unwrap();
        let refused = read_pepper(&path).unwrap_err();
        assert!(
            refused.contains("line 1") && !refused.contains("hunter2"),
            "{refused}"
        );
    }

    #[test]
    fn a_rotation_adds_a_version_and_keeps_the_others_and_the_rights() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(PEPPER_FILE);
        add_version(&path, version(3)).unwrap();
        assert_eq!(mode(&path), 0o600);
        let before = fs::read_to_string(&path).unwrap();
        assert!(before.starts_with("3 "), "{before}");

        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        add_version(&link, version(4)).unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert!(after.starts_with(&before), "what was there is there");
        assert_eq!(
            read_pepper(&link).unwrap().newest().unwrap().version(),
            version(4)
        );
        assert_eq!(mode(&path), 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(add_version(&path, version(4)).is_err(), "there already");
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(
            fs::read_dir(directory.path()).unwrap().count(),
            2,
            "nothing else is left"
        );
    }

    #[test]
    fn one_rotation_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(PEPPER_FILE);
        create_pepper(&path).unwrap();
        let before = fs::read_to_string(&path).unwrap();
        let other = directory.path().join("pepper.key.new");
        fs::write(&other, "of somebody else").unwrap();
        let refused = add_version(&path, version(2)).unwrap_err().to_string();
        assert!(refused.contains("pepper.key.new"), "{refused}");
        assert_eq!(fs::read_to_string(&path).unwrap(), before);
        assert_eq!(fs::read_to_string(&other).unwrap(), "of somebody else");
    }
}
