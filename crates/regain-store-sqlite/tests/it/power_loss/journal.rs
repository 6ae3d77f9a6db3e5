//! The journal that the shim wrote, as events.

use std::sync::Arc;

/// What a process did, in order.
pub(super) struct Journal {
    pub(super) events: Vec<Event>,
}

/// One call.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Changed {
        inode: u64,
        change: Change,
    },
    Created {
        inode: u64,
        name: String,
    },
    /// The child was told that something is done.
    Fact(String),
    Gone {
        name: String,
    },
    Sync {
        inode: u64,
    },
    SyncDirectory,
}

/// What a file's content becomes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Length(usize),
    Write { at: usize, bytes: Arc<[u8]> },
}

const HEAD: usize = 21;

impl Journal {
    /// Reads the shim's records; what is written to the file `facts` are the facts.
    pub(super) fn read(mut bytes: &[u8], facts: &str) -> Self {
        let mut events = Vec::new();
        let mut told_in = None;
        while let Some((head, rest)) = bytes.split_at_checked(HEAD) {
            let number = |range: std::ops::Range<usize>| {
                let mut wide = [0; 8];
                wide[..range.len()].copy_from_slice(&head[range]);
                u64::from_le_bytes(wide)
            };
            let (inode, offset) = (number(1..9), usize::try_from(number(9..17)).unwrap());
            let length = usize::try_from(number(17..21)).unwrap();
            let (content, rest) = rest.split_at(length);
            bytes = rest;
            let text = || String::from_utf8(content.to_vec()).unwrap();
            events.push(match head[0] {
                b'C' if text() == facts => {
                    told_in = Some(inode);
                    continue;
                }
                b'W' if told_in == Some(inode) => Event::Fact(text().trim_end().to_owned()),
                b'C' => Event::Created {
                    inode,
                    name: text(),
                },
                b'D' => Event::SyncDirectory,
                b'S' => Event::Sync { inode },
                b'T' => Event::Changed {
                    inode,
                    change: Change::Length(offset),
                },
                b'U' => Event::Gone { name: text() },
                b'W' => {
                    let bytes = content.into();
                    Event::Changed {
                        inode,
                        change: Change::Write { at: offset, bytes },
                    }
                }
                other => panic!("a record of kind {other}"),
            });
        }
        assert!(bytes.is_empty(), "the journal breaks off");
        Self { events }
    }
}
