//! Files and directories that only their owner may read, the master key first of all (K-03).

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use regain_types::{MasterKey, Secret, SystemEntropy};

use crate::failure::reason;

/// The file's name in a data directory.
pub(crate) const MASTER_KEY_FILE: &str = "master.key";
/// What everybody else may do with a file, and what the group may write.
const FOREIGN_ACCESS: u32 = 0o027;

/// Makes a directory that only the owner can enter. One that is there is left as it is.
///
/// # Errors
/// What the system says.
pub(crate) fn make_private_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a new file with mode 0600, through to the disk.
///
/// # Errors
/// What the system says; [`io::ErrorKind::AlreadyExists`] when there is such a file.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// Draws a master key into a new file.
///
/// # Errors
/// What the system says.
pub(crate) fn create_master_key(path: &Path) -> io::Result<MasterKey> {
    let key = MasterKey::random(&mut SystemEntropy);
    let text = Secret::new(format!("{}\n", key.encode().expose()));
    write_private(path, text.expose())?;
    Ok(key)
}

/// Reads a master key that nobody else could have read.
///
/// # Errors
/// The rest of a sentence that begins with the path.
pub(crate) fn read_master_key(path: &Path) -> Result<MasterKey, String> {
    let text = read_private(path, "`regain init` makes one")?;
    MasterKey::decode(text.expose())
        .ok_or_else(|| "does not hold a master key (43 characters of A-Z a-z 0-9 _ -)".to_owned())
}

/// Reads a secret file that nobody else could have read. `hint` says where a missing one comes from.
///
/// # Errors
/// The rest of a sentence that begins with the path.
pub(crate) fn read_private(path: &Path, hint: &str) -> Result<Secret<String>, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => format!("is not there; {hint}"),
        _ => format!("cannot be read: {}", reason(&error)),
    };
    // What is asked about is the file that is read, whatever its name leads to meanwhile.
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    let (mode, owner) = (about.permissions().mode(), about.uid());
    if !is_trusted(owner, rustix::process::geteuid().as_raw()) {
        return Err(format!(
            "belongs to another user ({owner}), who can read and write it: run `chown {} {}`, and make a new key if that user should not have read it",
            rustix::process::geteuid().as_raw(),
            path.display()
        ));
    }
    if mode & FOREIGN_ACCESS != 0 {
        return Err(format!(
            "can be read or written by other users (mode {:04o}): run `chmod 600 {}`, and make a new key if somebody else may have read it",
            mode & 0o7777,
            path.display()
        ));
    }
    io::read_to_string(file)
        .map(Secret::new)
        .map_err(unreadable)
}

/// Whether a secret of this owner is one of ours: root can read everything anyhow, and service
/// managers hand credentials over as root's.
const fn is_trusted(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_master_key_is_for_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(MASTER_KEY_FILE);
        let made = create_master_key(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let read = read_master_key(&path).unwrap();
        assert_eq!(read.encode().expose(), made.encode().expose());
        assert!(
            create_master_key(&path).is_err(),
            "a key is never overwritten"
        );

        for mode in [0o604, 0o644, 0o620, 0o602] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let refused = read_master_key(&path).unwrap_err();
            assert!(refused.contains("chmod 600"), "{refused}");
        }
        // A service manager hands credentials over as 0400 or, with an access list, 0440.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(read_master_key(&path).is_ok());
    }

    #[test]
    fn a_secret_of_another_user_is_none_of_ours() {
        for (owner, own, trusted) in [
            (1_000, 1_000, true),
            (0, 1_000, true),
            (0, 0, true),
            (1_001, 1_000, false),
            (1_000, 0, false),
        ] {
            assert_eq!(is_trusted(owner, own), trusted, "{owner} {own}");
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(MASTER_KEY_FILE);
        create_master_key(&path).unwrap();
        // Only root may give a file away; whoever is not has shown the rule above.
        if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
            let refused = read_master_key(&path).unwrap_err();
            assert!(
                refused.contains("belongs to another user (65534)"),
                "{refused}"
            );
        }
    }

    #[test]
    fn what_is_no_key_is_said_so() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(MASTER_KEY_FILE);
        assert!(read_master_key(&path).unwrap_err().contains("is not there"));
        write_private(&path, "secret").unwrap();
        assert!(
            read_master_key(&path)
                .unwrap_err()
                .contains("does not hold")
        );
    }
}
