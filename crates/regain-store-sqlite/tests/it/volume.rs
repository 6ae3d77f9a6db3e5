//! A tiny volume of a test's own, which it fills and frees. To mount one takes root.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// What the system gives to a file at once.
pub(crate) const PAGE_BYTES: u64 = 4_096;
const MIB: u64 = 1024 * 1024;

/// The volume. It is gone with this value.
pub(crate) struct Volume {
    directory: TempDir,
}

impl Volume {
    /// Mounts one. `None`, with the reason beside the results, where this user may not.
    pub(crate) fn mount(mebibytes: u64) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let size = format!("size={mebibytes}m,mode=0777");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "regain-test"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .output();
        let refused = match mounted {
            Ok(done) if done.status.success() => return Some(Self { directory }),
            Ok(done) => String::from_utf8_lossy(&done.stderr).trim().to_owned(),
            Err(error) => error.to_string(),
        };
        // Straight to the terminal: what is printed in a test that passes is never seen.
        let told = format!("SKIPPED, no volume can be mounted here: {refused}\n");
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }

    /// Fills it, but for so many bytes.
    pub(crate) fn leave(&self, bytes: u64) {
        let mut file = File::create(self.filler()).unwrap();
        let mut filled = 0;
        for step in [MIB, PAGE_BYTES] {
            let zeros = vec![0; usize::try_from(step).unwrap()];
            loop {
                match file.write(&zeros) {
                    Ok(written) => filled += written as u64,
                    Err(full) if full.kind() == ErrorKind::StorageFull => break,
                    Err(other) => panic!("{other}"),
                }
            }
        }
        file.set_len(filled - bytes).unwrap();
    }

    /// Somebody makes room.
    pub(crate) fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Lazily: whoever has a file open there may end later than this.
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}
