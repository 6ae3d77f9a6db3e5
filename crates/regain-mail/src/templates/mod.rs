//! Templates of the operator in the place of ours: `recovery_code/subject.txt`,
//! `recovery_code/de/body.html`, …
//!
//! They are read and tried once, at the start: a template that does not parse, names a variable that
//! there is not, leaves the code out, or would let a value out of its place is refused with its
//! file and line. Whatever a template says, values are escaped in HTML (M-05): a person's name never
//! becomes markup.

mod context;
mod trial;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use minijinja::{Environment, Error, ErrorKind, State, UndefinedBehavior, Value};

use crate::render::{Frame, Rendered};
use crate::{Language, Mail};

pub(crate) use context::context;

/// Longest template, in bytes.
const TEMPLATE_BYTES_MAX: u64 = 256 * 1024;
/// Steps that one rendering may take: loops over what there is never come near.
const FUEL: u64 = 100_000;

/// The parts of a mail that a template can stand for.
const PARTS: [&str; 3] = ["subject.txt", HTML_PART, "body.txt"];
/// The part in which values are escaped.
const HTML_PART: &str = "body.html";

/// Something that is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The file.
    pub file: PathBuf,
    /// The line in it, where there is one.
    pub line: Option<usize>,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The templates of one directory, all of which were tried.
pub struct Templates {
    directory: PathBuf,
    environment: Environment<'static>,
    names: BTreeSet<String>,
    warnings: Vec<TemplateProblem>,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Templates")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Templates {
    /// Reads and tries all templates of a directory.
    ///
    /// # Errors
    /// Every problem, with file and line.
    pub fn load(directory: &Path) -> Result<Self, Vec<TemplateProblem>> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_formatter(write_value);
        let mut templates = Self {
            directory: directory.to_owned(),
            environment,
            names: BTreeSet::new(),
            warnings: Vec::new(),
        };
        let mut problems = Vec::new();
        templates.read(&mut problems);
        if problems.is_empty() {
            templates.try_all(&mut problems);
        }
        if problems.is_empty() {
            Ok(templates)
        } else {
            Err(problems)
        }
    }

    /// What is allowed and yet worth saying at every start.
    #[must_use]
    pub fn warnings(&self) -> &[TemplateProblem] {
        &self.warnings
    }

    fn read(&mut self, problems: &mut Vec<TemplateProblem>) {
        let directory = self.directory.clone();
        for (mail, path) in entries(&directory, problems) {
            if !Mail::NAMES.contains(&mail.as_str()) {
                let known = Mail::NAMES.join(", ");
                problems.push(problem(path, format!("is no mail: the mails are {known}")));
                continue;
            }
            for (name, path) in entries(&path, problems) {
                if path.is_dir() {
                    if Language::from_tag(&name).is_none() {
                        problems.push(problem(path, "is no language: en, de or ja".to_owned()));
                        continue;
                    }
                    for (part, path) in entries(&path, problems) {
                        self.add(&format!("{mail}/{name}/{part}"), &part, path, problems);
                    }
                } else {
                    self.add(&format!("{mail}/{name}"), &name, path, problems);
                }
            }
        }
        if self.names.is_empty() && problems.is_empty() {
            problems.push(problem(
                directory,
                "holds no templates, such as recovery_code/body.html".to_owned(),
            ));
        }
    }

    fn add(&mut self, name: &str, part: &str, path: PathBuf, problems: &mut Vec<TemplateProblem>) {
        if !PARTS.contains(&part) {
            let known = PARTS.join(", ");
            problems.push(problem(
                path,
                format!("is no part of a mail: the parts are {known}"),
            ));
            return;
        }
        let source = match read_template(&path) {
            Ok(source) => source,
            Err(error) => {
                problems.push(problem(path, format!("cannot be read: {error}")));
                return;
            }
        };
        match self.environment.add_template_owned(name.to_owned(), source) {
            Ok(()) => {
                self.names.insert(name.to_owned());
            }
            Err(error) => problems.push(self.problem_of(name, &error)),
        }
    }

    fn try_all(&mut self, problems: &mut Vec<TemplateProblem>) {
        let mut warnings = Vec::new();
        for name in &self.names {
            trial::run(self, name, problems, &mut warnings);
        }
        self.warnings = warnings;
    }

    /// The template of a part: the one for the language, else the one for all languages.
    fn find(&self, mail: &Mail, language: Language, part: &str) -> Option<String> {
        let mail = mail.name();
        [
            format!("{mail}/{}/{part}", language.tag()),
            format!("{mail}/{part}"),
        ]
        .into_iter()
        .find(|name| self.names.contains(name))
    }

    fn render(&self, name: &str, context: &Value) -> Result<String, Error> {
        self.environment.get_template(name)?.render(context.clone())
    }

    /// Puts the operator's parts in the place of ours. A template that fails after all leaves ours:
    /// a mail must leave.
    pub(crate) fn apply(&self, mail: &Mail, frame: &Frame, rendered: &mut Rendered) {
        let context = context(mail, frame);
        let part = |part: &str| {
            let name = self.find(mail, frame.language, part)?;
            self.render(&name, &context).ok()
        };
        if let Some(subject) = part("subject.txt") {
            rendered.subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        if let Some(text) = part("body.txt") {
            rendered.text = text;
        }
        if let Some(html) = part("body.html") {
            rendered.html = html;
        }
    }

    fn problem_of(&self, name: &str, error: &Error) -> TemplateProblem {
        let what = error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned);
        let message = match error.kind() {
            ErrorKind::UndefinedError => {
                format!(
                    "names a variable that there is not, or that is not always there: {what}; docs/mail-templates.md lists them, and `{{% if name %}}` asks for one"
                )
            }
            ErrorKind::OutOfFuel => "takes too long".to_owned(),
            _ => what,
        };
        TemplateProblem {
            file: self.directory.join(name),
            line: error.line(),
            message,
        }
    }
}

/// Writes a value: escaped in HTML, whatever the template says about it.
fn write_value(
    out: &mut minijinja::Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_undefined() || value.is_none() {
        return Err(Error::new(
            ErrorKind::UndefinedError,
            "a value that is not there",
        ));
    }
    let text = value.to_string();
    let written = if state.name().ends_with(HTML_PART) {
        out.write_str(&escaped(&text))
    } else {
        out.write_str(&text)
    };
    written.map_err(Error::from)
}

/// Fit for text and for attributes, in quotes of either kind.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '`' => out.push_str("&#96;"),
            other => out.push(other),
        }
    }
    out
}

/// What is in a directory, by name; files of editors and systems are left out.
fn entries(directory: &Path, problems: &mut Vec<TemplateProblem>) -> Vec<(String, PathBuf)> {
    let read = std::fs::read_dir(directory)
        .and_then(Iterator::collect::<io::Result<Vec<_>>>)
        .map_err(|error| {
            problems.push(problem(
                directory.to_owned(),
                format!("cannot be read: {error}"),
            ));
        });
    let mut found: Vec<(String, PathBuf)> = read
        .unwrap_or_default()
        .into_iter()
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                entry.path(),
            )
        })
        .filter(|(name, _)| !name.starts_with('.') && !name.ends_with('~'))
        .collect();
    found.sort();
    found
}

fn read_template(path: &Path) -> io::Result<String> {
    if std::fs::metadata(path)?.len() > TEMPLATE_BYTES_MAX {
        return Err(io::Error::other("it is longer than 256 KiB"));
    }
    std::fs::read_to_string(path)
}

fn problem(file: PathBuf, message: String) -> TemplateProblem {
    TemplateProblem {
        file,
        line: None,
        message,
    }
}
