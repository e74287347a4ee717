//! Results as the AWS CLI's `--output text` prints them: lines of values between tabs.
//!
//! An object is a line of its plain values in the order of their keys, after it a line for each
//! object below, which begins with the key in capitals. The objects of a list share their columns.

use std::collections::BTreeSet;
use std::io::{self, Write};

use fracas_model::python;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

/// Writes a result.
pub(super) fn write(out: &mut dyn Write, value: &Value) -> io::Result<()> {
    any(out, value, None, None)
}

fn any(out: &mut dyn Write, value: &Value, name: Option<&str>, columns: Option<&[&str]>) -> io::Result<()> {
    match value {
        Value::Object(object) => {
            let own: Vec<&str>;
            let columns = match columns {
                Some(shared) => shared,
                None => {
                    own = plain_keys(object).into_iter().collect();
                    &own
                }
            };
            line_of(out, object, name, columns)
        }
        Value::Array(items) => list(out, items, name),
        plain => writeln!(out, "{}", python::to_str(plain)),
    }
}

fn list(out: &mut dyn Write, items: &[Value], name: Option<&str>) -> io::Result<()> {
    if items.iter().any(Value::is_object) {
        let objects = items.iter().filter_map(Value::as_object);
        let columns: Vec<&str> = objects.flat_map(plain_keys).collect::<BTreeSet<_>>().into_iter().collect();
        return items.iter().try_for_each(|item| any(out, item, name, Some(&columns)));
    }
    let (lists, plain): (Vec<_>, Vec<_>) = items.iter().partition(|item| item.is_array());
    plain_list(out, &plain, name)?;
    lists.into_iter().try_for_each(|item| any(out, item, name, None))
}

fn plain_list(out: &mut dyn Write, items: &[&Value], name: Option<&str>) -> io::Result<()> {
    let mut texts = items.iter().map(|item| python::to_str(item));
    match name {
        _ if items.is_empty() => Ok(()),
        Some(name) => texts.try_for_each(|text| writeln!(out, "{}\t{text}", name.to_uppercase())),
        None => writeln!(out, "{}", texts.collect::<Vec<_>>().join("\t")),
    }
}

fn line_of(out: &mut dyn Write, object: &Object, name: Option<&str>, columns: &[&str]) -> io::Result<()> {
    if !columns.is_empty() {
        let name = name.map(str::to_uppercase);
        let values = columns.iter().map(|key| object.get(*key).map(python::to_str).unwrap_or_default());
        writeln!(out, "{}", name.into_iter().chain(values).collect::<Vec<_>>().join("\t"))?;
    }
    let below: BTreeSet<&str> =
        object.keys().map(String::as_str).filter(|key| !columns.contains(key)).collect();
    below.into_iter().try_for_each(|key| any(out, &object[key], Some(key), None))
}

fn plain_keys(object: &Object) -> BTreeSet<&str> {
    let plain = object.iter().filter(|(_, value)| !value.is_object() && !value.is_array());
    plain.map(|(key, _)| key.as_str()).collect()
}
