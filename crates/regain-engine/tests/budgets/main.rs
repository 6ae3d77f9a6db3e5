//! How much memory each step asks for: exact figures, which no noise of a machine moves.

#[cfg(test)]
#[path = "../../examples/steps/script.rs"]
mod script;

#[cfg(test)]
mod tests {
    use super::script::Script;

    /// Allocations of each step: what it took when this was written, and a fifth more. Whoever needs more says
    /// in the commit what for.
    const ALLOCATIONS_MAX: [(&str, u64); 9] = [
        ("introspect", 115),
        ("sign-in", 81),
        ("recover", 68),
        ("identify", 175),
        ("challenge", 250),
        ("poll", 251),
        ("wrong answer", 264),
        ("answer", 227),
        ("new password", 103),
    ];

    #[test]
    fn no_step_asks_for_more_memory_than_it_did() {
        let script = Script::new();
        let cases = script.cases();
        let names: Vec<_> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names, ALLOCATIONS_MAX.map(|(name, _)| name));
        let mut over = Vec::new();
        for (case, (name, most)) in cases.iter().zip(ALLOCATIONS_MAX) {
            // The first time fills what is made once.
            script.take(case);
            let used = allocation_counter::measure(|| {
                script.take(case);
            });
            if used.count_total > most {
                over.push(format!("{name}: {} > {most}", used.count_total));
            }
        }
        assert!(over.is_empty(), "{over:#?}");
    }
}
