//! Results as the AWS CLI's `--output table` prints them.
//!
//! ```text
//! ------------------------------          the edge
//! |       ListAccessKeys       |          the title of a section
//! +---------------+------------+
//! |  AccessKeyId  |   Status   |          its headers, in the order of their names
//! +---------------+------------+
//! |  AKID         |  Active    |          its rows
//! +---------------+------------+
//! ||         Below            ||          a section below has another edge
//! ```

use std::collections::BTreeSet;
use std::io::{self, Write};

use fracas_model::python;
use serde_json::{Map, Value};
use unicode_width::UnicodeWidthChar;

type Object = Map<String, Value>;

/// Blanks and edges around the widest text of a column.
const PADDING: usize = 4;

/// How a table looks.
#[derive(Clone, Copy)]
pub(super) struct Look {
    /// Columns of the terminal; a wider table gets its rows upright.
    pub(super) width: usize,
    /// Whether values and edges are colored.
    pub(super) color: bool,
}

/// Writes a result under a title. What is empty is not written.
pub(super) fn write(out: &mut dyn Write, title: &str, value: &Value, look: Look) -> io::Result<()> {
    let mut sections = Vec::new();
    build(&mut sections, Some(title), value, 0);
    let width_of = |sections: &[Section]| sections.iter().map(Section::total_width).max().unwrap_or_default();
    let mut width = width_of(&sections);
    if width > look.width {
        sections.iter_mut().for_each(Section::stand_up);
        width = width_of(&sections);
    }
    if !sections.is_empty() {
        writeln!(out, "{}", "-".repeat(width))?;
    }
    sections.iter().try_for_each(|section| section.write(out, width, look.color))
}

/// A part of the table with its own columns.
#[derive(Default)]
struct Section {
    title: String,
    depth: usize,
    headers: Vec<String>,
    rows: Vec<Vec<String>>,
}

fn build(sections: &mut Vec<Section>, title: Option<&str>, value: &Value, depth: usize) {
    if !python::truth(value) {
        return;
    }
    if let Some(title) = title {
        sections.push(Section { title: title.to_owned(), depth, ..Section::default() });
    }
    match value {
        Value::Object(object) => add_object(sections, object, depth),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            add_objects(sections, items, title.unwrap_or_default(), depth);
        }
        Value::Array(items) => items.iter().for_each(|item| add_item(sections, item, depth)),
        plain => add_row(sections, vec![python::to_str(plain)]),
    }
}

fn add_row(sections: &mut [Section], row: Vec<String>) {
    if let Some(section) = sections.last_mut() {
        section.rows.push(row);
    }
}

fn add_item(sections: &mut Vec<Section>, item: &Value, depth: usize) {
    match item.as_array() {
        None => add_row(sections, vec![python::to_str(item)]),
        Some(row) if row.iter().all(is_plain) => add_row(sections, row.iter().map(python::to_str).collect()),
        Some(_) => build(sections, None, item, depth),
    }
}

/// An object is a row under its keys; with a single plain value, a row of key and value.
fn add_object(sections: &mut Vec<Section>, object: &Object, depth: usize) {
    let (headers, below) = keys([object].into_iter());
    let mut row: Vec<String> = headers.iter().map(|key| python::to_str(&object[*key])).collect();
    match headers.as_slice() {
        [] => {}
        [key] => {
            row.insert(0, (*key).to_owned());
            add_row(sections, row);
        }
        _ => {
            set_headers(sections, &headers);
            add_row(sections, row);
        }
    }
    below.into_iter().for_each(|key| build(sections, Some(key), &object[key], depth + 1));
}

/// The objects of a list share their headers; one that holds more is a section of its own.
fn add_objects(sections: &mut Vec<Section>, items: &[Value], title: &str, depth: usize) {
    let objects = || items.iter().filter_map(Value::as_object);
    let (headers, below) = keys(objects());
    set_headers(sections, &headers);
    for (index, object) in objects().enumerate() {
        if index > 0 && !below.is_empty() {
            sections.push(Section { title: title.to_owned(), depth, ..Section::default() });
            set_headers(sections, &headers);
        }
        let cell = |key: &&str| object.get(*key).map(python::to_str).unwrap_or_default();
        add_row(sections, headers.iter().map(cell).collect());
        for key in below.iter().filter(|key| object.contains_key(**key)) {
            build(sections, Some(key), &object[*key], depth + 1);
        }
    }
}

fn set_headers(sections: &mut [Section], headers: &[&str]) {
    if let Some(section) = sections.last_mut() {
        section.headers = headers.iter().map(|header| (*header).to_owned()).collect();
    }
}

/// The keys of plain values, and of all others.
fn keys<'o>(objects: impl Iterator<Item = &'o Object>) -> (Vec<&'o str>, Vec<&'o str>) {
    let (mut plain, mut below) = (BTreeSet::new(), BTreeSet::new());
    for (key, value) in objects.flatten() {
        if is_plain(value) {
            plain.insert(key.as_str())
        } else {
            below.insert(key.as_str())
        };
    }
    (plain.into_iter().collect(), below.into_iter().collect())
}

fn is_plain(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

impl Section {
    /// The widest text of each column.
    fn columns(&self) -> Vec<usize> {
        let rows = || [&self.headers].into_iter().chain(&self.rows);
        let count = rows().map(Vec::len).max().unwrap_or_default();
        let widest = |column: usize| {
            rows().filter_map(|row| row.get(column)).map(|text| width(text)).max().unwrap_or_default()
        };
        (0..count).map(widest).collect()
    }

    fn total_width(&self) -> usize {
        let columns: usize = self.columns().iter().map(|column| column + PADDING).sum();
        (columns + 2).max(width(&self.title) + 2) + 2 * self.depth
    }

    /// Columns with their padding, stretched to a width.
    fn stretched(&self, to: usize) -> Vec<usize> {
        let padded: Vec<usize> = self.columns().iter().map(|column| column + PADDING).collect();
        let scale = to as f64 / padded.iter().sum::<usize>() as f64;
        let mut widths: Vec<usize> =
            padded.iter().map(|column| (scale * *column as f64).round_ties_even() as usize).collect();
        let count = widths.len();
        let mut turn = 0;
        // What rounding took or gave too much is evened out: from the left, or from the right.
        while count > 0 && widths.iter().sum::<usize>() != to {
            match widths.iter().sum::<usize>() > to {
                true => widths[turn % count] -= 1,
                false => widths[count - 1 - turn % count] += 1,
            }
            turn += 1;
        }
        widths
    }

    /// A single row under headers becomes rows of header and value.
    fn stand_up(&mut self) {
        if self.rows.len() == 1 && !self.headers.is_empty() {
            let values = self.rows.remove(0);
            let headers = std::mem::take(&mut self.headers);
            self.rows = headers.into_iter().zip(values).map(|(header, value)| vec![header, value]).collect();
        }
    }

    fn write(&self, out: &mut dyn Write, width: usize, color: bool) -> io::Result<()> {
        let edge = painted("|", "\x1b[2m\x1b[33m", color).repeat(self.depth);
        let mut line = |text: String| writeln!(out, "{edge}{text}{edge}");
        let width = width - 2 * self.depth;
        let columns = self.stretched(width);
        if !self.title.is_empty() {
            line(centered(&self.title, width, "|"))?;
            if self.headers.is_empty() && self.rows.is_empty() {
                line(format!("+{}+", "-".repeat(width - 2)))?;
            }
        }
        if !self.headers.is_empty() {
            line(rule(&columns))?;
            line(row(&columns, &self.headers, centered))?;
        }
        if !self.rows.is_empty() && !columns.is_empty() {
            line(rule(&columns))?;
            let cell = |text: &str, width: usize, left: &str| left_aligned(text, width, left, color);
            self.rows.iter().try_for_each(|values| line(row(&columns, values, cell)))?;
            line(rule(&columns))?;
        }
        Ok(())
    }
}

/// `+-----+----+`
fn rule(columns: &[usize]) -> String {
    let dashes = |(index, width): (usize, &usize)| {
        let corner = usize::from(index == 0);
        format!("{}{}+", "+".repeat(corner), "-".repeat(width - 1 - corner))
    };
    columns.iter().enumerate().map(dashes).collect()
}

/// Cells side by side; only the first has an edge on its left.
fn row(columns: &[usize], texts: &[String], cell: impl Fn(&str, usize, &str) -> String) -> String {
    let text = |index: usize| texts.get(index).map_or("", String::as_str);
    let edge = |index: usize| if index == 0 { "|" } else { "" };
    columns.iter().enumerate().map(|(index, width)| cell(text(index), *width, edge(index))).collect()
}

fn centered(text: &str, length: usize, left: &str) -> String {
    let before = (length / 2).saturating_sub(width(text) / 2 + 1);
    let after = length.saturating_sub(1 + left.len() + before + width(text));
    format!("{left}{}{text}{}|", " ".repeat(before), " ".repeat(after))
}

fn left_aligned(text: &str, length: usize, left: &str, color: bool) -> String {
    let free = length.saturating_sub(width(text) + left.len() + 1);
    let before = if free >= 2 { 2 } else { 0 };
    let painted = painted(text, "\x1b[1m\x1b[34m", color);
    format!("{left}{}{painted}{}|", " ".repeat(before), " ".repeat(free - before))
}

fn painted(text: &str, code: &str, color: bool) -> String {
    if color { format!("{code}{text}\x1b[0m") } else { text.to_owned() }
}

/// Columns that a text takes. As in the AWS CLI, characters of ambiguous width count as wide, and
/// none as nothing.
fn width(text: &str) -> usize {
    text.chars().map(|character| character.width_cjk().unwrap_or(1).max(1)).sum()
}
