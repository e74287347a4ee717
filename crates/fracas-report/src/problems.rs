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

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
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
        group = group.element(snippet(lines, span, &problem.label));
    }
    match problem.help.as_str() {
        "" => group,
        help => group.element(Level::HELP.message(help)),
    }
}

/// The lines around a place; the rest of the text is kept from the renderer, which would walk all
/// of it for every problem.
fn snippet<'a>(
    lines: &Lines<'a>,
    span: Span,
    label: &'a str,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let shown = lines.around(span);
    let start = span.start.min(shown.end);
    let at = start - shown.start..span.end.clamp(start, shown.end) - shown.start;
    let annotation = AnnotationKind::Primary.span(at);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(&lines.source.text[shown.clone()])
        .path(lines.source.name.as_str())
        .line_start(lines.number(shown.start))
        .annotation(annotation)
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
    fn places_outside_the_text_do_no_harm() {
        let source = source("{}");
        let problem = Problems::from(Problem::error(Span::new(5, 9), "odd"));
        assert!(render_problems(Some(&source), &problem, false).contains("odd"));
    }
}
