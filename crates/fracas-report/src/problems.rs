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
    let render = |problem| renderer.render(&[picture(source, problem)]) + "\n\n";
    problems.0.iter().map(render).collect()
}

fn picture<'a>(source: Option<&'a Source>, problem: &'a Problem) -> Group<'a> {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = Group::with_title(level.primary_title(problem.message.as_str()));
    if let (Some(source), Some(span)) = (source, problem.span) {
        group = group.element(snippet(source, span, &problem.label));
    }
    match problem.help.as_str() {
        "" => group,
        help => group.element(Level::HELP.message(help)),
    }
}

/// The lines around a place; the rest of the text is kept from the renderer, which would walk all
/// of it for every problem.
fn snippet<'a>(
    source: &'a Source,
    span: Span,
    label: &'a str,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let lines = lines_around(&source.text, span);
    let before = &source.text[..lines.start];
    let start = span.start.min(lines.end);
    let at = start - lines.start..span.end.clamp(start, lines.end) - lines.start;
    let annotation = AnnotationKind::Primary.span(at);
    let annotation = if label.is_empty() { annotation } else { annotation.label(label) };
    Snippet::source(&source.text[lines.clone()])
        .path(source.name.as_str())
        .line_start(before.bytes().filter(|byte| *byte == b'\n').count() + 1)
        .annotation(annotation)
}

fn lines_around(text: &str, span: Span) -> Range<usize> {
    let start = span.start.min(text.len());
    let end = span.end.clamp(start, text.len());
    let from = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let to = text[end..].find('\n').map_or(text.len(), |at| end + at);
    from..to
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
