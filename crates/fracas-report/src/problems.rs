//! Problems as pictures of the lines they are about.
//!
//! ```text
//! error: no activity is named `web-statsu`
//!   --> experiment.json:52:20
//!    |
//! 52 |             "ref": "web-statsu"
//!    |                    ^^^^^^^^^^^^
//!    |
//!    = help: did you mean `web-status`?
//! ```

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use fracas_model::{Problem, Problems, Severity, Source, Span};

/// Draws all problems, in their order, each ending with an empty line. `source` is what their
/// places point into.
pub fn render_problems(source: Option<&Source>, problems: &Problems, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let lines = source.map(Lines::of);
    let render = |problem| renderer.render(&[picture(lines.as_ref(), problem)]) + "\n\n";
    problems.0.iter().map(render).collect()
}

/// A source and where its lines begin, found once for all problems.
struct Lines<'a> {
    source: &'a Source,
    starts: Vec<usize>,
}

impl Lines<'_> {
    fn of(source: &Source) -> Lines<'_> {
        let after_breaks = source.text.match_indices('\n').map(|(at, _)| at + 1);
        Lines { source, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// The number of the line, from 1, that a byte stands in.
    fn number(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// All bytes of the lines that a place stands in, without the last line's break.
    fn around(&self, span: Span) -> Range<usize> {
        let length = self.source.text.len();
        let (first, last) = (self.number(span.start.min(length)), self.number(span.end.min(length)));
        let end = self.starts.get(last.max(first)).map_or(length, |next| next - 1);
        self.starts[first - 1]..end
    }
}

fn picture<'a>(lines: Option<&Lines<'a>>, problem: &'a Problem) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(problem.message.as_str()));
    if let (Some(lines), Some(span)) = (lines, problem.span) {
        group = picture_of_place(group, lines, span, &problem.label);
    }
    match problem.help.as_str() {
        "" => group,
        help => group.element(Level::HELP.message(help)),
    }
}

/// Lines longer than this, in bytes, are shown in part: a whole experiment may stand in one line.
const LONG_LINE: usize = 2000;

/// How much of a long line is shown around a place, in bytes.
const WINDOW: usize = 60;

/// The lines around a place; the rest of the text is kept from the renderer, which would walk all
/// of it for every problem.
fn picture_of_place<'a>(group: Group<'a>, lines: &Lines<'a>, span: Span, label: &'a str) -> Group<'a> {
    let (text, path) = (&lines.source.text, lines.source.name.as_str());
    let whole = lines.around(span);
    // A place can be in the middle of a character where a parser counts in bytes.
    let start = text.floor_char_boundary(span.start.min(whole.end));
    let (number, is_long) = (lines.number(start), whole.len() > LONG_LINE);
    let shown = if is_long { window(text, &whole, start) } else { whole.clone() };
    let end = text.ceil_char_boundary(span.end.clamp(start, shown.end));
    let at = start - shown.start..end - shown.start;
    let annotation = AnnotationKind::Primary.span(at);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    let first = lines.number(shown.start);
    let snippet = Snippet::source(&text[shown]).line_start(first).annotation(annotation);
    if is_long {
        let column = text[lines.starts[number - 1]..start].chars().count() + 1;
        group.element(Origin::path(path).line(number).char_column(column)).element(snippet)
    } else {
        group.element(snippet.path(path))
    }
}

fn window(text: &str, whole: &Range<usize>, start: usize) -> Range<usize> {
    let from = text.floor_char_boundary(start.saturating_sub(WINDOW)).max(whole.start);
    from..text.ceil_char_boundary(start + WINDOW).min(whole.end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_model::Format;

    fn source(text: &str) -> Source {
        Source { name: "experiment.json".to_owned(), text: text.to_owned(), format: Format::Json }
    }

    #[test]
    fn every_kind_of_problem_has_its_picture() {
        let source = source("{\n  \"title\": \"ünï\",\n  \"method\": [\n    {\"ref\": \"wrong\"}\n  ]\n}\n");
        let at = |text: &str| {
            let start = source.text.find(text).unwrap();
            Span::new(start, start + text.len())
        };
        let problems = Problems(vec![
            Problem::general("the file is empty").help("write an experiment"),
            Problem::error(at("\"wrong\""), "no activity is named `wrong`").help("did you mean `right`?"),
            Problem::warning(at("\"ünï\""), "not plain").label("here"),
            Problem::error(Span::new(source.text.len(), source.text.len()), "it ends too soon"),
        ]);
        insta::assert_snapshot!(render_problems(Some(&source), &problems, false));
    }

    #[test]
    fn a_long_line_is_shown_in_part() {
        let before = "é".repeat(5000);
        let source = source(&format!("\n{before}wrong{}\n", "x".repeat(5000)));
        let at = before.len() + 1;
        let problem = Problems::from(Problem::error(Span::new(at, at + 5), "it is wrong"));
        insta::assert_snapshot!(render_problems(Some(&source), &problem, false));
    }

    #[test]
    fn places_outside_the_text_and_within_characters_do_no_harm() {
        let source = source("{é€}");
        for (start, end) in [(5, 9), (2, 3), (1, 2), (4, 5), (7, 8)] {
            let problem = Problems::from(Problem::error(Span::new(start, end), "odd"));
            assert!(render_problems(Some(&source), &problem, false).contains("odd"));
        }
    }
}
