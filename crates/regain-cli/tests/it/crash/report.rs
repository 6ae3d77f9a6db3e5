//! What a run says at its end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ledger::Person;
use super::relay::Delivery;
use super::rows::Database;
use super::storm::Storm;

/// Figures of a run.
#[derive(Debug, Default)]
pub(super) struct Report {
    starts: Vec<Duration>,
    mails: usize,
    copies: usize,
    copies_of_one_kill: usize,
    dropped: i64,
}

impl Report {
    pub(super) fn started(&mut self, took: Duration) {
        self.starts.push(took);
    }

    pub(super) fn progress(&self, kill: usize, kills: usize) {
        if kill.is_multiple_of(100) {
            let start = self.starts.last().copied().unwrap_or_default();
            println!("{kill} of {kills} kills, the last start took {start:?}");
        }
    }

    /// How long half of the starts took at most.
    pub(super) fn usual_start(&self) -> Duration {
        self.start_at(50)
    }

    fn start_at(&self, percent: usize) -> Duration {
        let mut sorted = self.starts.clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        sorted
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }

    /// every mail that was acknowledged came, none was made twice, and a copy of one has a
    /// kill between it and the one before.
    pub(super) async fn mails(
        &mut self,
        storm: &Storm,
        people: &[Person],
        deliveries: &[Delivery],
        database: &Database,
    ) {
        let mut lives: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for delivery in deliveries {
            lives
                .entry(&delivery.message_id)
                .or_default()
                .push(delivery.life);
        }
        let mut of_kill: BTreeMap<usize, usize> = BTreeMap::new();
        for (id, lives) in &lives {
            for pair in lives.windows(2) {
                self.copies += 1;
                *of_kill.entry(pair[0]).or_default() += 1;
                if pair[0] == pair[1] {
                    storm.fault(&format!("{id} came twice and nobody was killed"));
                }
            }
        }
        self.mails = lives.len();
        self.copies_of_one_kill = of_kill.into_values().max().unwrap_or_default();
        self.dropped = database.dropped().await;
        let late: usize = people.iter().map(|person| person.codes_late).sum();
        // What is given up is the second sending of a mail whose code has been used meanwhile.
        if usize::try_from(self.dropped).unwrap() < late {
            let dropped = self.dropped;
            storm.fault(&format!("{late} mails never came, {dropped} were given up"));
        }
        for person in people {
            Self::mails_of(storm, person, deliveries, database).await;
        }
    }

    async fn mails_of(
        storm: &Storm,
        person: &Person,
        deliveries: &[Delivery],
        database: &Database,
    ) {
        let ids = |has_code: bool| {
            let theirs = deliveries.iter().filter(|delivery| {
                delivery.to == person.login && delivery.code.is_some() == has_code
            });
            let ids: BTreeSet<&str> = theirs
                .map(|delivery| delivery.message_id.as_str())
                .collect();
            ids.len()
        };
        let login = &person.login;
        let (codes, owed) = (ids(true), person.codes_owed - person.codes_late);
        if codes != owed {
            storm.fault(&format!(
                "{login}: {codes} mails with a code, {owed} acknowledged"
            ));
        }
        let (notices, resets) = (ids(false), person.resets);
        if notices != resets {
            storm.fault(&format!(
                "{login}: {notices} notices of {resets} new passwords"
            ));
        }
        let logged = database.resets(login).await;
        if usize::try_from(logged) != Ok(resets) {
            storm.fault(&format!(
                "{login}: {logged} resets in the audit log, {resets} in truth"
            ));
        }
    }

    pub(super) fn say(&self, storm: &Storm, people: &[Person]) {
        let sum = |count: fn(&Person) -> usize| people.iter().map(count).sum::<usize>();
        println!(
            "{} kills; start: half within {:?}, 99 % within {:?}, all within {:?}",
            storm.life(),
            self.start_at(50),
            self.start_at(99),
            self.start_at(100),
        );
        println!(
            "acknowledged: {} passwords, {} codes on their way, {} live and {} dead sessions, \
             {} spent codes; all hold: {}",
            sum(|person| person.resets),
            sum(|person| person.codes_owed),
            sum(|person| person.sessions.len()),
            sum(|person| person.dead.len()),
            sum(|person| person.spent.len()),
            storm.faults().is_empty(),
        );
        println!(
            "{} mails, {} copies ({} at most after one kill), {} given up",
            self.mails, self.copies, self.copies_of_one_kill, self.dropped,
        );
        println!("point            kills  requests cut off  of these done");
        for (point, struck) in storm.tally() {
            println!(
                "{:<16} {:>5} {:>17} {:>14}",
                format!("{point:?}"),
                struck.kills,
                struck.cut_off,
                struck.done
            );
        }
    }
}
