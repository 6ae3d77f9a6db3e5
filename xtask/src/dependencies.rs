//! The direction of dependencies, as one table.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::command;

struct Rule {
    crate_name: &'static str,
    /// Crates of this workspace that the crate may use.
    may_use: &'static [&'static str],
    /// Crates of this workspace that only its tests may use.
    tests_may_use: &'static [&'static str],
    /// Whether the crate must stay free of input and output, directly and through others.
    pure: bool,
}

/// Who may use whom. A crate that is not listed here fails the check: add it on purpose.
const RULES: &[Rule] = &[
    Rule {
        crate_name: "regain-types",
        may_use: &[],
        tests_may_use: &[],
        pure: true,
    },
    Rule {
        crate_name: "regain-wire",
        may_use: &["types"],
        tests_may_use: &[],
        pure: true,
    },
    Rule {
        crate_name: "regain-engine",
        may_use: &["types", "wire"],
        tests_may_use: &[],
        pure: true,
    },
    Rule {
        crate_name: "regain-oauth",
        may_use: &["types", "wire"],
        tests_may_use: &[],
        pure: true,
    },
    Rule {
        crate_name: "regain-store",
        may_use: &["types", "wire", "engine", "oauth"],
        tests_may_use: &[],
        pure: false,
    },
    Rule {
        crate_name: "regain-store-sqlite",
        may_use: &["types", "wire", "engine", "oauth", "store"],
        tests_may_use: &[],
        pure: false,
    },
    Rule {
        crate_name: "regain-store-postgres",
        may_use: &["types", "wire", "engine", "oauth", "store"],
        // Itself, with the feature that starts clusters.
        tests_may_use: &["store-postgres"],
        pure: false,
    },
    Rule {
        crate_name: "regain-mail",
        may_use: &["types"],
        tests_may_use: &[],
        pure: false,
    },
    Rule {
        crate_name: "regain-server",
        may_use: &["types", "wire", "engine", "oauth", "store", "mail"],
        tests_may_use: &["store-postgres", "store-sqlite"],
        pure: false,
    },
    Rule {
        crate_name: "regain-sdk",
        may_use: &["wire"],
        tests_may_use: &[],
        pure: false,
    },
    Rule {
        crate_name: "regain-web",
        may_use: &["sdk"],
        tests_may_use: &[],
        pure: false,
    },
    Rule {
        crate_name: "regain-bench",
        may_use: &["types", "wire", "engine", "oauth", "store"],
        tests_may_use: &[],
        pure: false,
    },
    Rule {
        crate_name: "regain-cli",
        may_use: &[
            "types",
            "wire",
            "engine",
            "oauth",
            "store",
            "store-postgres",
            "store-sqlite",
            "mail",
            "server",
            "sdk",
            "web",
            "bench",
        ],
        tests_may_use: &[],
        pure: false,
    },
    Rule {
        crate_name: "xtask",
        may_use: &[],
        tests_may_use: &[],
        pure: false,
    },
];

/// Crates that do input and output; none of the pure crates may reach one of them.
const INPUT_AND_OUTPUT: &[&str] = &[
    "axum",
    "hyper",
    "lettre",
    "reqwest",
    "rusqlite",
    "tokio",
    "tokio-postgres",
    "tracing-subscriber",
];

/// Every violation of the table as a sentence; empty when it holds.
///
/// # Errors
/// When `cargo metadata` cannot be run or read.
pub(crate) fn faults(root: &Path) -> Result<Vec<String>> {
    // Without the platform, cargo would fetch crates of systems that nobody builds for here.
    let platform = host(root)?;
    let arguments = [
        "metadata",
        "--format-version",
        "1",
        "--locked",
        "--filter-platform",
    ];
    let output = command::output(root, "cargo", &[&arguments[..], &[&platform]].concat())?;
    if !output.success {
        bail!("`cargo metadata --locked` failed");
    }
    let metadata: Value = serde_json::from_str(&output.text).context("cargo metadata")?;
    let graph = Graph::read(&metadata)?;
    let mut faults = Vec::new();
    for member in &graph.members {
        let name = graph.name(member);
        let Some(rule) = RULES.iter().find(|rule| rule.crate_name == name) else {
            faults.push(format!(
                "{name} is not in the table of xtask/src/dependencies.rs"
            ));
            continue;
        };
        faults.extend(graph.direction_faults(member, rule));
        if rule.pure {
            faults.extend(graph.purity_faults(member, name));
        }
    }
    Ok(faults)
}

/// The platform of this machine, as rustc names it.
fn host(root: &Path) -> Result<String> {
    let version = command::output(root, "rustc", &["--version", "--verbose"])?.text;
    let line = version.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned).context("rustc names no host")
}

/// What one package uses, told apart by what for.
#[derive(Default)]
struct Uses {
    normal: BTreeSet<String>,
    tests: BTreeSet<String>,
}

struct Graph {
    members: Vec<String>,
    names: BTreeMap<String, String>,
    uses: BTreeMap<String, Uses>,
}

impl Graph {
    fn read(metadata: &Value) -> Result<Self> {
        let mut graph = Self {
            members: Vec::new(),
            names: BTreeMap::new(),
            uses: BTreeMap::new(),
        };
        for member in list(metadata, "workspace_members") {
            graph.members.push(text(member)?);
        }
        for package in list(metadata, "packages") {
            graph
                .names
                .insert(text_of(package, "id")?, text_of(package, "name")?);
        }
        let resolve = metadata
            .get("resolve")
            .context("cargo metadata has no `resolve`")?;
        for node in list(resolve, "nodes") {
            let mut uses = Uses::default();
            for dependency in list(node, "deps") {
                let target = text_of(dependency, "pkg")?;
                for kind in list(dependency, "dep_kinds") {
                    match kind.get("kind").and_then(Value::as_str) {
                        Some("dev") => uses.tests.insert(target.clone()),
                        _ => uses.normal.insert(target.clone()),
                    };
                }
            }
            graph.uses.insert(text_of(node, "id")?, uses);
        }
        Ok(graph)
    }

    fn name(&self, id: &str) -> &str {
        self.names.get(id).map_or("", String::as_str)
    }

    fn direction_faults(&self, member: &str, rule: &Rule) -> Vec<String> {
        let Some(uses) = self.uses.get(member) else {
            return Vec::new();
        };
        let ours = |id: &&String| self.members.contains(*id);
        let mut faults = Vec::new();
        for id in uses.normal.iter().filter(ours) {
            if !allowed(self.name(id), rule.may_use) {
                faults.push(format!("{} may not use {}", rule.crate_name, self.name(id)));
            }
        }
        for id in uses.tests.iter().filter(ours) {
            let name = self.name(id);
            if !allowed(name, rule.may_use) && !allowed(name, rule.tests_may_use) {
                faults.push(format!(
                    "the tests of {} may not use {name}",
                    rule.crate_name
                ));
            }
        }
        faults
    }

    fn purity_faults(&self, member: &str, name: &str) -> Vec<String> {
        let mut seen = BTreeSet::new();
        let mut waiting = vec![member];
        let mut faults = Vec::new();
        while let Some(id) = waiting.pop() {
            if !seen.insert(id) {
                continue;
            }
            if INPUT_AND_OUTPUT.contains(&self.name(id)) {
                faults.push(format!(
                    "{name} is pure and may not reach {}",
                    self.name(id)
                ));
            }
            if let Some(uses) = self.uses.get(id) {
                waiting.extend(uses.normal.iter().map(String::as_str));
            }
        }
        faults
    }
}

fn allowed(name: &str, list: &[&str]) -> bool {
    name.strip_prefix("regain-")
        .is_some_and(|short| list.contains(&short))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text_of(value: &Value, key: &str) -> Result<String> {
    text(
        value
            .get(key)
            .with_context(|| format!("cargo metadata lacks `{key}`"))?,
    )
}

fn text(value: &Value) -> Result<String> {
    value
        .as_str()
        .map(str::to_owned)
        .context("cargo metadata: a text was expected")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(uses: &Value) -> Value {
        json!({
            "workspace_members": ["s", "e"],
            "packages": [
                { "id": "s", "name": "regain-sdk" },
                { "id": "e", "name": "regain-engine" },
                { "id": "t", "name": "tokio" },
                { "id": "x", "name": "innocent" },
            ],
            "resolve": { "nodes": uses },
        })
    }

    fn rule(name: &str) -> &'static Rule {
        RULES.iter().find(|rule| rule.crate_name == name).unwrap()
    }

    #[test]
    fn a_forbidden_arrow_is_named() {
        let graph = Graph::read(&metadata(&json!([
            { "id": "s", "deps": [{ "pkg": "e", "dep_kinds": [{ "kind": null }] }] },
        ])))
        .unwrap();
        assert_eq!(
            graph.direction_faults("s", rule("regain-sdk")),
            ["regain-sdk may not use regain-engine"]
        );
    }

    #[test]
    fn a_forbidden_arrow_of_tests_is_named() {
        let graph = Graph::read(&metadata(&json!([
            { "id": "s", "deps": [{ "pkg": "e", "dep_kinds": [{ "kind": "dev" }] }] },
        ])))
        .unwrap();
        assert_eq!(
            graph.direction_faults("s", rule("regain-sdk")),
            ["the tests of regain-sdk may not use regain-engine"]
        );
    }

    #[test]
    fn a_pure_crate_may_not_reach_the_runtime_through_another() {
        let graph = Graph::read(&metadata(&json!([
            { "id": "e", "deps": [{ "pkg": "x", "dep_kinds": [{ "kind": null }] }] },
            { "id": "x", "deps": [{ "pkg": "t", "dep_kinds": [{ "kind": null }] }] },
        ])))
        .unwrap();
        assert_eq!(
            graph.purity_faults("e", "regain-engine"),
            ["regain-engine is pure and may not reach tokio"]
        );
    }
}
