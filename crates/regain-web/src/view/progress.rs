//! "Step 2 of 4": where a recovery stands.

use crate::sentences::{Sentences, fill};

/// The four steps of a recovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RecoveryStep {
    FindAccount,
    ChooseWay,
    CheckEmail,
    NewPassword,
}

/// The list of steps with the current one marked.
pub(crate) struct Progress {
    pub text: String,
    pub steps: Vec<ProgressStep>,
}

/// One step of the list.
pub(crate) struct ProgressStep {
    pub label: &'static str,
    pub is_done: bool,
    pub is_current: bool,
}

impl Progress {
    /// The recovery at a step.
    pub(crate) fn at(current: RecoveryStep, t: &'static Sentences) -> Self {
        let all = [
            (RecoveryStep::FindAccount, t.step_find_account),
            (RecoveryStep::ChooseWay, t.step_choose_way),
            (RecoveryStep::CheckEmail, t.step_check_email),
            (RecoveryStep::NewPassword, t.step_new_password),
        ];
        let number = all.iter().filter(|(step, _)| *step <= current).count();
        let steps: Vec<_> = all
            .iter()
            .map(|(step, label)| ProgressStep {
                label,
                is_done: *step < current,
                is_current: *step == current,
            })
            .collect();
        let label = steps
            .iter()
            .find(|step| step.is_current)
            .map_or("", |step| step.label);
        let count = fill(t.step_of, &[&number.to_string(), &steps.len().to_string()]);
        Self {
            text: format!("{count}{label}"),
            steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentences::ENGLISH;

    #[test]
    fn the_text_counts_the_steps() {
        let progress = Progress::at(RecoveryStep::CheckEmail, &ENGLISH);
        assert_eq!(progress.text, "Step 3 of 4: Check your email");
        assert_eq!(progress.steps.iter().filter(|step| step.is_done).count(), 2);
    }
}
