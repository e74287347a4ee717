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
    /// Chaos Toolkit's rule for it, if it has one.
    pub rule: Option<Box<Rule>>,
    /// Whether an experiment with it can be played until the run comes upon it.
    pub playable: bool,
}

/// A rule of Chaos Toolkit's that an experiment breaks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// What it says then.
    pub words: String,
    /// When it would come upon it.
    pub turn: Turn,
}

/// When Chaos Toolkit comes upon a problem: it checks an experiment in this order, and ends at the
/// first. Source: chaoslib's `ensure_experiment_is_valid`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Turn {
    /// The part of the experiment.
    pub section: Section,
    /// The activity's place in that part, from 0.
    pub index: usize,
    /// What of the activity is looked at.
    pub look: Look,
    /// The place among all that is found there.
    pub nth: usize,
}

/// The parts of an experiment in the order of their checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Section {
    /// title, description, tags, extensions
    Head,
    /// configuration and secrets
    #[default]
    Values,
    /// the steady-state hypothesis
    Hypothesis,
    /// the method
    Method,
    /// the rollbacks
    Rollbacks,
    /// controls, wherever they are declared
    Controls,
}

/// What of an activity is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Look {
    /// its own keys
    #[default]
    Activity,
    /// what its provider says
    Provider,
    /// its tolerance, or what it refers to
    Rest,
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
        Problem {
            severity,
            message,
            span,
            label: String::new(),
            help: String::new(),
            rule: None,
            playable: false,
        }
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

    /// The same problem with what Chaos Toolkit says about it; empty when it says nothing.
    pub fn words(mut self, words: impl Into<String>) -> Problem {
        let words = words.into();
        self.rule = if words.is_empty() { None } else { Some(Box::new(Rule { words, ..Rule::default() })) };
        self
    }

    /// The same problem of an experiment that can be played until the run comes upon it.
    pub fn playable(mut self) -> Problem {
        self.playable = true;
        self
    }

    /// What Chaos Toolkit says about it; empty when it says nothing.
    pub fn said(&self) -> &str {
        self.rule.as_ref().map_or("", |rule| &rule.words)
    }

    /// The same problem with when Chaos Toolkit would come upon it.
    pub fn in_turn(mut self, turn: Turn) -> Problem {
        if let Some(rule) = &mut self.rule {
            rule.turn = turn;
        }
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

    /// Leaves to the run what Chaos Toolkit leaves to it; what its validation has rules for only when the
    /// experiment is not validated.
    pub fn leave_to_run(&mut self, validated: bool) {
        self.0.retain(|problem| !problem.playable || (validated && problem.rule.is_some()));
    }

    /// What Chaos Toolkit would say about the first error that it comes upon; what fracas says when
    /// Chaos Toolkit has no rule for any of them. None without errors.
    pub fn first_words(&self) -> Option<&str> {
        let mut errors = self.0.iter().filter(|problem| problem.severity == Severity::Error);
        let rules = errors.clone().filter_map(|problem| problem.rule.as_deref());
        let first = rules.min_by_key(|rule| rule.turn).map(|rule| &rule.words);
        first.or_else(|| errors.next().map(|problem| &problem.message)).map(String::as_str)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_are_those_of_the_first_check() {
        let turn = |section, index| Turn { section, index, ..Turn::default() };
        let mut problems = Problems::default();
        assert_eq!(problems.first_words(), None);
        problems.push(Problem::general("only fracas minds"));
        assert_eq!(problems.first_words(), Some("only fracas minds"));
        for (section, index, words) in
            [(Section::Method, 1, "second"), (Section::Method, 0, "first"), (Section::Controls, 0, "third")]
        {
            problems.push(Problem::general("").words(words).in_turn(turn(section, index)));
        }
        assert_eq!(problems.first_words(), Some("first"));
    }
}
