//! Which images of a moment are looked at.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use super::disk::{Disk, Fate};

/// Files as they could be after a power loss.
pub(super) struct Image {
    what: String,
    files: BTreeMap<String, Vec<u8>>,
}

impl Image {
    /// Nothing of what is under way, all of it, single ones, all but single ones, random parts of
    /// it, and random sectors: `count` in all, fewer where little is under way.
    pub(super) fn all(disk: &Disk, mut chances: Chances, count: usize) -> Vec<Self> {
        let under_way = disk.under_way();
        let mut images = vec![
            Self::of(disk, "nothing", |_| Fate::Lost),
            Self::of(disk, "all", |_| Fate::Kept),
        ];
        if under_way == 0 {
            images.truncate(1);
            return images;
        }
        while images.len() < count {
            let one = chances.below(under_way);
            let image = match images.len() % 5 {
                0 => Self::of(disk, &format!("only {one}"), |n| kept(n == one)),
                1 => Self::of(disk, &format!("all but {one}"), |n| kept(n != one)),
                2 => Self::of(disk, "some", |_| kept(chances.next() & 1 == 1)),
                3 => Self::of(disk, "torn", |_| Fate::Torn(chances.next())),
                _ => Self::of(disk, "some, torn, lost", |_| match chances.next() % 3 {
                    0 => Fate::Kept,
                    1 => Fate::Lost,
                    _ => Fate::Torn(chances.next()),
                }),
            };
            images.push(image);
        }
        images
    }

    fn of(disk: &Disk, what: &str, mut fate: impl FnMut(usize) -> Fate) -> Self {
        let mut number = 0;
        let files = disk.after(|| {
            number += 1;
            fate(number - 1)
        });
        Self {
            what: what.to_owned(),
            files,
        }
    }

    pub(super) fn write(&self, directory: &Path) {
        for (name, content) in &self.files {
            std::fs::write(directory.join(name), content).unwrap();
        }
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

const fn kept(is_kept: bool) -> Fate {
    if is_kept { Fate::Kept } else { Fate::Lost }
}

/// Random numbers that a seed repeats (splitmix64).
pub(super) struct Chances(u64);

impl Chances {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}
