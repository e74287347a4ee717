//! Something wrong in a file, with its place and a way out.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::Span;

/// One thing that is wrong, or that deserves a warning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it stops a run.
    pub severity: Severity,
    /// What is wrong: a lowercase fragment.
    pub message: String,
    /// Where in the text; none when it is about the file or the surroundings as a whole.
    pub span: Option<Span>,
    /// Shown at the caret, or empty.
    pub label: String,
    /// What the user can do about it, or empty.
    pub help: String,
}

/// Whether a problem stops a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// worth knowing
    Warning,
    /// nothing runs until it is fixed
    Error,
}

impl Problem {
    /// Something that stops a run, at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Problem {
        Problem::new(Severity::Error, Some(span), message.into())
    }

    /// Something worth knowing, at a place.
    pub fn warning(span: Span, message: impl Into<String>) -> Problem {
        Problem::new(Severity::Warning, Some(span), message.into())
    }

    /// Something that stops a run and has no place in the text.
    pub fn general(message: impl Into<String>) -> Problem {
        Problem::new(Severity::Error, None, message.into())
    }

    fn new(severity: Severity, span: Option<Span>, message: String) -> Problem {
        Problem { severity, message, span, label: String::new(), help: String::new() }
    }

    /// The same problem with words at its caret.
    pub fn label(mut self, label: impl Into<String>) -> Problem {
        self.label = label.into();
        self
    }

    /// The same problem with a way out.
    pub fn help(mut self, help: impl Into<String>) -> Problem {
        self.help = help.into();
        self
    }
}

/// Problems as they are found, reported together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl Problems {
    /// Takes note of a problem.
    pub fn push(&mut self, problem: Problem) {
        self.0.push(problem);
    }

    /// Whether any of them stops a run.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// In the order of the text; those without a place come first, and each only once, as an error
    /// if it is one anywhere.
    pub fn sorted(mut self) -> Problems {
        let place = |problem: &Problem| (problem.span.map(|span| span.start), Reverse(problem.severity));
        self.0.sort_by_key(place);
        let mut seen = HashSet::new();
        self.0.retain(|problem| seen.insert((problem.span, problem.message.clone())));
        self
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Problems {
        Problems(vec![problem])
    }
}
