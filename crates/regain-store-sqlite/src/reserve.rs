//! Space that is set aside beside the database, so that sessions can still be ended when the disk
//! is full.
//!
//! When a write meets a full disk, the reserve is given up. From then on only what ends a session
//! is written, into the space that became free, and everything else is refused before it touches
//! the disk. When the reserve can be set aside again, there is space again.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use regain_store::StoreError;

use crate::writer::Told;

/// How much is set aside: the log may grow to 4 MiB before SQLite folds it into the database and
/// begins it anew, and a session that ends adds some 500 bytes to the database. So this is enough
/// for more than 20,000 of them.
pub(crate) const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// How much more than the reserve must be free before everything is written again: else the first
/// write would meet the full disk once more.
pub(crate) const HEADROOM_BYTES: u64 = 4 * 1024 * 1024;
/// What is written at once where the file system cannot set space aside by itself.
const CHUNK_BYTES: usize = 16 * 1024;

/// What is known of the space, and what is set aside of it.
#[derive(Debug, Default)]
pub(crate) struct Space {
    /// The file that keeps it; nothing for a process that keeps no reserve.
    reserve: Option<PathBuf>,
    is_full: bool,
    is_used_up: bool,
}

impl Space {
    /// Sets space aside beside a database. When there is too little the disk counts as full.
    pub(crate) fn kept_beside(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-reserve");
        let reserve = PathBuf::from(name);
        let mut is_full = false;
        if !is_there(&reserve)
            && let Err(error) = set_aside(&reserve)
        {
            is_full = true;
            tracing::error!(
                path = %reserve.display(), %error,
                "no space can be set aside: nothing but the end of sessions is written until there is more"
            );
        }
        Self {
            reserve: Some(reserve),
            is_full,
            is_used_up: false,
        }
    }

    /// Whether only what ends a session may be written now. Looks for space first.
    pub(crate) fn is_scarce(&mut self) -> bool {
        if self.is_full
            && let Some(reserve) = &self.reserve
            && set_aside(reserve).is_ok()
        {
            (self.is_full, self.is_used_up) = (false, false);
            tracing::info!("there is space on the disk again: everything is written");
        }
        self.is_full
    }

    /// A write has failed. Whether that gave space free, so that what ends a session can be
    /// written now; what is wrong is told once.
    pub(crate) fn meet(&mut self, told: &Told, writes: usize) -> bool {
        let (Told::Full, Some(reserve)) = (told, &self.reserve) else {
            let reason = StoreError::from(told);
            tracing::error!(%reason, writes, "a group of writes failed");
            return false;
        };
        if self.is_full {
            if !std::mem::replace(&mut self.is_used_up, true) {
                tracing::error!("the disk is full and the reserve is used up: nothing is written");
            }
            return false;
        }
        self.is_full = true;
        tracing::error!(
            reserve = %reserve.display(),
            "the disk is full: the reserve is given up, and nothing but the end of sessions is written until there is space"
        );
        match std::fs::remove_file(reserve) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(%error, "the reserve cannot be given up");
                false
            }
        }
    }
}

/// Whether an earlier process has left its reserve.
fn is_there(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file() && allocated(&found) >= RESERVE_BYTES)
}

#[cfg(unix)]
fn allocated(found: &std::fs::Metadata) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    // Blocks are of 512 bytes there, whatever the file system's own are.
    found.len().min(found.blocks().saturating_mul(512))
}

#[cfg(not(unix))]
fn allocated(found: &std::fs::Metadata) -> u64 {
    found.len()
}

/// Sets the space aside, if there is that much and the headroom.
fn set_aside(path: &Path) -> io::Result<()> {
    if free_beside(path)? < RESERVE_BYTES + HEADROOM_BYTES {
        return Err(io::ErrorKind::StorageFull.into());
    }
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let allocated = options.open(path).and_then(|file| allocate(&file));
    if allocated.is_err() {
        // Half a reserve would be taken for nothing.
        drop(std::fs::remove_file(path));
    }
    allocated
}

fn free_beside(path: &Path) -> io::Result<u64> {
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    let about = rustix::fs::statvfs(directory.unwrap_or(Path::new(".")))?;
    Ok(about.f_bavail.saturating_mul(about.f_frsize))
}

/// Takes the space for good: a file that is only long has none.
fn allocate(file: &File) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        let whole = rustix::fs::FallocateFlags::empty();
        match rustix::fs::fallocate(file, whole, 0, RESERVE_BYTES) {
            Err(rustix::io::Errno::OPNOTSUPP) => {}
            done => return Ok(done?),
        }
    }
    let mut file = file;
    let mut left = RESERVE_BYTES;
    let zeros = [0; CHUNK_BYTES];
    while left > 0 {
        let next = usize::try_from(left)
            .unwrap_or(CHUNK_BYTES)
            .min(CHUNK_BYTES);
        file.write_all(zeros.get(..next).unwrap_or(&zeros))?;
        left = left.saturating_sub(next as u64);
    }
    file.sync_all()
}
