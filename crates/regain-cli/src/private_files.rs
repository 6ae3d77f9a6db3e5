//! Files and directories that only their owner may read, the master key first of all (K-03).

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
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
    let mode = fs::metadata(path)
        .map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("is not there; {hint}"),
            _ => format!("cannot be read: {}", reason(&error)),
        })?
        .permissions()
        .mode();
    if mode & FOREIGN_ACCESS != 0 {
        return Err(format!(
            "can be read or written by other users (mode {:04o}): run `chmod 600 {}`, and make a new key if somebody else may have read it",
            mode & 0o7777,
            path.display()
        ));
    }
    fs::read_to_string(path)
        .map(Secret::new)
        .map_err(|error| format!("cannot be read: {}", reason(&error)))
}

#[cfg(test)]
mod tests {
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
