//! Results on stdout: as JSON, text or a table, each as the AWS CLI lays it out.

use std::io::{self, Write};

use fracas_aws::model::Paginator;
use fracas_aws::{self as aws, Aws, Error, Pages, Reply, Scope};
use fracas_model::{Problem, write_python_json_at, write_python_json_indented};
use serde_json::Value;

use super::table::Look;
use super::{Failure, query, table, text};
use crate::args::{self, Layout};
use crate::session::Session;
use crate::terminal::Written;

/// Bytes from which an answer counts as large.
const LARGE: usize = 1024 * 1024;

/// The indent of the AWS CLI's JSON.
const INDENT: &str = "    ";

/// Prints the results of one operation.
pub(super) struct Printer<'a> {
    session: &'a Session,
    layout: Layout,
    query: Option<&'a str>,
    /// Over tables: the operation's name.
    title: String,
}

impl<'a> Printer<'a> {
    /// Lays results out as the command line asks, else `AWS_DEFAULT_OUTPUT`, else the profile.
    pub(super) async fn new(
        args: &'a args::Aws,
        session: &'a Session,
        aws: &Aws,
        scope: &Scope,
        title: &str,
    ) -> Result<Self, Failure> {
        let layout = match args.output {
            Some(layout) => layout,
            None => configured(aws.setting(scope, "AWS_DEFAULT_OUTPUT", "output").await?)?,
        };
        Ok(Self { session, layout, query: args.query.as_deref(), title: title.to_owned() })
    }

    /// Prints a result, or what is asked of it. `ResponseMetadata` is no part of it.
    pub(super) fn print(&self, mut result: Value) -> Result<Written, Failure> {
        if let Value::Object(entries) = &mut result {
            entries.shift_remove("ResponseMetadata");
        }
        let result = match self.query {
            Some(expression) => query::search(expression, &result)?,
            None => result,
        };
        Ok(self.session.terminal.data_by(|out| self.write(out, &result)))
    }

    /// Prints an answer; a large one is not taken apart in memory where it can go out as it is. Where what is
    /// printed does not show that there are more pages, that is told.
    pub(super) fn print_reply(
        &self,
        reply: Reply,
        paginator: Option<&Paginator<'_>>,
    ) -> Result<Written, Failure> {
        match (self.layout, self.query) {
            (Layout::Json, None) if reply.bytes() > LARGE => Ok(self.session.terminal.data_by(|out| {
                write_python_json_indented(&mut *out, &reply, INDENT)?;
                writeln!(out)
            })),
            _ => {
                let result = reply.into_value()?;
                let shows_all = self.layout == Layout::Json && self.query.is_none();
                if !shows_all && paginator.is_some_and(|paginator| paginator.has_more(&result)) {
                    self.session.warn("This is the first page: --paginate reads all of them");
                }
                self.print(result)
            }
        }
    }

    fn write(&self, out: &mut dyn Write, result: &Value) -> io::Result<()> {
        match self.layout {
            Layout::Json => json(out, result),
            Layout::Text => text::write(out, result),
            Layout::Table => table::write(out, &self.title, result, self.look()),
        }
    }

    fn look(&self) -> Look {
        let width = rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col.into());
        Look { width, color: self.session.terminal.color_of_data() }
    }

    /// Prints all pages: as text page by page, as plain JSON item by item, else merged.
    pub(super) async fn print_pages(&self, mut pages: Pages<'_>) -> Result<Written, Failure> {
        match (self.layout, self.query) {
            (Layout::Text, _) => self.print_parts(&mut pages).await,
            (Layout::Json, None) if !pages.main_key().contains(|c: char| !c.is_ascii_alphanumeric()) => {
                self.print_items(&mut pages).await
            }
            _ => self.print(pages.all().await?),
        }
    }

    /// As the AWS CLI, a query is asked of each page.
    async fn print_parts(&self, pages: &mut Pages<'_>) -> Result<Written, Failure> {
        let mut is_first = true;
        while let Some(part) = pages.next_part().await {
            let mut part = part?;
            if std::mem::take(&mut is_first) {
                pages.complete(&mut part);
            }
            let written = self.print(part)?;
            if written != Written::Whole {
                return Ok(written);
            }
        }
        Ok(Written::Whole)
    }

    /// The same text as of the merged result, though only a page is in memory.
    async fn print_items(&self, pages: &mut Pages<'_>) -> Result<Written, Failure> {
        let key = pages.main_key();
        let mut rest = Value::Object(Default::default());
        let mut items = Items { key, any: None };
        while let Some(split) = pages.next_split(lines_of).await {
            let (part, lines) = split?;
            pages.add(&mut rest, part);
            let Some(lines) = lines.transpose().map_err(|error| unreadable(&error))? else { continue };
            let written = self.session.terminal.data_by(|out| items.write(out, &lines));
            if written != Written::Whole {
                return Ok(written);
            }
        }
        pages.complete(&mut rest);
        Ok(self.session.terminal.data_by(|out| items.end(out, &rest)))
    }
}

/// The layout that a setting asks for.
fn configured(setting: Option<String>) -> Result<Layout, Failure> {
    match setting.as_deref() {
        // JSON is YAML too.
        None | Some("json" | "yaml" | "yaml-stream") => Ok(Layout::Json),
        Some("text") => Ok(Layout::Text),
        Some("table") => Ok(Layout::Table),
        Some(other) => Err(Problem::general(format!("there is no output format {other:?}"))
            .help(
                "use json, text or table: with --output, in AWS_DEFAULT_OUTPUT, or as output in the profile",
            )
            .into()),
    }
}

/// As the AWS CLI, nothing for an answer without content.
pub(super) fn json(out: &mut dyn Write, result: &Value) -> io::Result<()> {
    if result.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok(());
    }
    write_python_json_indented(&mut *out, result, INDENT)?;
    writeln!(out)
}

/// An object whose first entry is a list that comes in pieces.
struct Items {
    key: &'static str,
    /// Whether there were any so far, once the list was begun.
    any: Option<bool>,
}

impl Items {
    fn write(&mut self, out: &mut dyn Write, lines: &[u8]) -> io::Result<()> {
        if self.any.is_none() {
            write!(out, "{{\n{INDENT}\"{}\": [", self.key)?;
        }
        let any = self.any.get_or_insert(false);
        if *any && !lines.is_empty() {
            out.write_all(b",")?;
        }
        *any |= !lines.is_empty();
        out.write_all(lines)
    }

    fn end(&self, out: &mut dyn Write, rest: &Value) -> io::Result<()> {
        let Some(any) = self.any else { return json(out, rest) };
        write!(out, "{}]", if any { format!("\n{INDENT}") } else { String::new() })?;
        for (key, value) in rest.as_object().into_iter().flatten() {
            write!(out, ",\n{INDENT}{}: ", Value::from(key.as_str()))?;
            write_python_json_at(&mut *out, value, INDENT, 1)?;
        }
        writeln!(out, "\n}}")
    }
}

/// The items of a page between the brackets of their list.
fn lines_of(items: &aws::Items) -> io::Result<Vec<u8>> {
    let mut lines = Vec::new();
    write_python_json_at(&mut lines, items, INDENT, 1)?;
    let end = lines.trim_ascii_end().len().saturating_sub(1);
    lines.truncate(lines[..end].trim_ascii_end().len());
    lines.drain(..1);
    Ok(lines)
}

fn unreadable(error: &io::Error) -> Failure {
    Problem::general(format!("the answer cannot be read: {error}")).into()
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::of_call(&error)
    }
}
