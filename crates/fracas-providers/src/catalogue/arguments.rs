//! The arguments of an activity, held against its declaration.

use fracas_engine::nearest;
use serde_json::{Map, Value, json};

use super::foresee::OPEN;
use super::{Argument, ArgumentKind, Declaration};

/// Something wrong with the arguments.
#[derive(Debug, PartialEq)]
pub(crate) struct Mistake {
    /// The key of the argument; none when it is missing.
    pub(crate) key: Option<String>,
    pub(crate) message: String,
    pub(crate) help: String,
    /// Whether these are the declaration's own words, which are told alone when the activity is carried out.
    pub(crate) declared: bool,
}

/// The arguments of an activity, as far as they are right.
pub(crate) struct Held {
    /// By their declared names. What is wrong stands open, as if only the run knew it, so that nothing that
    /// follows from it is told as well.
    pub(crate) bound: Map<String, Value>,
    pub(crate) mistakes: Vec<Mistake>,
}

/// The arguments by their declared names, or every mistake. See [`hold`].
pub(crate) fn bind(
    declaration: &Declaration,
    given: &Map<String, Value>,
    is_open: &dyn Fn(&Value) -> bool,
) -> Result<Map<String, Value>, Vec<Mistake>> {
    let Held { bound, mistakes } = hold(declaration, given, is_open);
    if mistakes.is_empty() { Ok(bound) } else { Err(mistakes) }
}

/// The arguments, and every mistake in them. Optional ones that are null, an empty text or an empty list
/// count as not given, unless they keep what is empty. `is_open` tells values that nobody can judge yet.
pub(crate) fn hold(
    declaration: &Declaration,
    given: &Map<String, Value>,
    is_open: &dyn Fn(&Value) -> bool,
) -> Held {
    let mut held = Held { bound: Map::new(), mistakes: Vec::new() };
    for (key, value) in given {
        held.take(declaration, key, value, is_open);
    }
    // A mistyped name is one mistake, not a missing argument as well.
    for meant in given.keys().filter_map(|key| near(declaration, key)) {
        held.bound.entry(&meant.name).or_insert_with(|| OPEN.into());
    }
    let missing = held.missing(declaration);
    held.mistakes.extend(missing.iter().map(|argument| lacking(declaration, argument)));
    missing.into_iter().for_each(|argument| held.open(argument));
    for argument in &declaration.arguments {
        if let (false, Some(default)) = (held.bound.contains_key(&argument.name), &argument.default) {
            held.bound.insert(argument.name.clone(), default.clone());
        }
    }
    held
}

impl Held {
    fn take(
        &mut self,
        declaration: &Declaration,
        key: &str,
        value: &Value,
        is_open: &dyn Fn(&Value) -> bool,
    ) {
        let Some(argument) = declaration.argument(key) else {
            return self.mistakes.push(unknown(declaration, key));
        };
        if argument.is_left_out(value) {
            return;
        }
        let mistake = match self.bound.insert(argument.name.clone(), value.clone()) {
            Some(_) => Some(twice(argument, key)),
            None => Some(value).filter(|value| !is_open(value)).and_then(|value| unfit(argument, key, value)),
        };
        if mistake.is_some() {
            self.open(argument);
        }
        self.mistakes.extend(mistake);
    }

    /// What must be given, and neither is nor has anything that stands in for it.
    fn missing<'d>(&self, declaration: &'d Declaration) -> Vec<&'d Argument> {
        // Tags without a key select nothing, and must not become all there is.
        let stands_in = |name: &String| self.bound.get(name).is_some_and(|value| *value != json!({}));
        let is_there = |argument: &&Argument| {
            !argument.required
                || self.bound.contains_key(&argument.name)
                || argument.unless.iter().any(stands_in)
        };
        declaration.arguments.iter().filter(|argument| !is_there(argument)).collect()
    }

    fn open(&mut self, argument: &Argument) {
        self.bound.insert(argument.name.clone(), OPEN.into());
    }
}

impl Argument {
    /// Whether a value counts as not given.
    fn is_left_out(&self, value: &Value) -> bool {
        !self.required && (value.is_null() || !self.keep_empty && is_nothing(value))
    }

    /// Whether a value is one that it can have.
    pub fn takes(&self, value: &Value) -> bool {
        self.kinds.iter().chain(&self.accepts).any(|kind| kind.takes(value))
    }

    /// What may be given instead of one that is required, in words that follow it.
    pub fn stand_ins(&self) -> String {
        match self.unless.as_slice() {
            [] => String::new(),
            [other] => format!(", or {other}"),
            others => format!(", or one of {}", others.join(", ")),
        }
    }

    /// What a user would call such a value.
    pub fn words(&self) -> String {
        let words: Vec<&str> = self.kinds.iter().chain(&self.accepts).map(|kind| kind.words()).collect();
        words.join(" or ")
    }
}

impl Declaration {
    /// The argument of this name, or this other name.
    pub fn argument(&self, name: &str) -> Option<&Argument> {
        self.arguments
            .iter()
            .find(|argument| argument.name == name || argument.aliases.iter().any(|alias| alias == name))
    }
}

fn unknown(declaration: &Declaration, key: &str) -> Mistake {
    let help = match near(declaration, key) {
        Some(meant) => format!("did you mean `{}`?", meant.name),
        None => {
            let names: Vec<&str> =
                declaration.arguments.iter().map(|argument| argument.name.as_str()).collect();
            format!("it takes {}", names.join(", "))
        }
    };
    mistake(key, format!("`{}` has no argument `{key}`", declaration.name), help)
}

/// The argument that a mistyped name stands for; none for a name that is right.
fn near<'d>(declaration: &'d Declaration, key: &str) -> Option<&'d Argument> {
    if declaration.argument(key).is_some() {
        return None;
    }
    let names = |argument: &'d Argument| std::iter::once(&argument.name).chain(&argument.aliases);
    let near = nearest(key, declaration.arguments.iter().flat_map(names).map(String::as_str))?;
    declaration.argument(near)
}

fn twice(argument: &Argument, key: &str) -> Mistake {
    let message = format!("`{}` is given twice, once as `{key}`", argument.name);
    mistake(key, message, "leave one of them out".to_owned())
}

/// What chaosaws leaves out of its calls.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// The value itself is not shown: it may come from the secrets.
fn unfit(argument: &Argument, key: &str, value: &Value) -> Option<Mistake> {
    let is_empty = !value.is_null() && is_nothing(value);
    let declared = argument.or_fail.clone().filter(|_| is_nothing(value));
    if let Some(message) = declared {
        return Some(Mistake { declared: true, ..mistake(key, message, argument.doc.clone()) });
    }
    let message = if !argument.takes(value) {
        format!("`{key}` must be {}, got {}", argument.words(), words(value))
    } else if argument.required && !argument.keep_empty && is_empty {
        format!("`{key}` must not be empty")
    } else {
        return None;
    };
    Some(mistake(key, message, argument.doc.clone()))
}

/// What a user would call the value.
fn words(value: &Value) -> &'static str {
    let kind = ArgumentKind::ALL.iter().find(|(kind, ..)| kind.takes(value));
    kind.map_or("null", |(_, _, words)| words)
}

fn lacking(declaration: &Declaration, argument: &Argument) -> Mistake {
    let others = argument.stand_ins();
    let message = format!("`{}` needs the argument `{}`{others}", declaration.name, argument.name);
    Mistake { key: None, message, help: argument.doc.clone(), declared: false }
}

fn mistake(key: &str, message: String, help: String) -> Mistake {
    Mistake { key: Some(key.to_owned()), message, help, declared: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fracas_model::ActivityKind;
    use serde_json::json;

    #[test]
    fn empty_optional_arguments_count_as_not_given() {
        let declared = |name, kind| crate::catalogue::find("docdb", name, kind).unwrap().declaration;
        let probe = declared("cluster_status", ActivityKind::Probe);
        let reboot = declared("reboot_db_instance", ActivityKind::Action);
        let remove = crate::catalogue::find("cloudwatch", "remove_rule_targets", ActivityKind::Action);
        let remove = remove.unwrap().declaration;
        let cases = [
            (probe, json!({"docdb_cluster_identifier": "", "filters": [5]}), json!({"filters": [5]})),
            (probe, json!({"cluster_id": "a", "filters": []}), json!({"docdb_cluster_identifier": "a"})),
            (
                probe,
                json!({"cluster_id": "a", "db_cluster_identifier": null}),
                json!({"docdb_cluster_identifier": "a"}),
            ),
            (
                reboot,
                json!({"db_instance_identifier": "a", "force_failover": false}),
                json!({"db_instance_identifier": "a", "force_failover": false}),
            ),
            (
                remove,
                json!({"rule_name": "a", "target_ids": []}),
                json!({"rule_name": "a", "target_ids": []}),
            ),
            (remove, json!({"rule_name": "a", "target_ids": null}), json!({"rule_name": "a"})),
        ];
        for (declaration, given, expected) in cases {
            let bound = bind(declaration, given.as_object().unwrap(), &|_| false).unwrap();
            assert_eq!(Value::Object(bound), expected);
        }
        let empty = bind(reboot, json!({"db_instance_identifier": ""}).as_object().unwrap(), &|_| false);
        assert_eq!(empty.unwrap_err()[0].message, "`db_instance_identifier` must not be empty");
    }

    #[test]
    fn a_required_argument_can_have_others_that_stand_in_for_it() {
        let remove = crate::catalogue::find("elasticache", "delete_cache_clusters", ActivityKind::Action);
        let remove = remove.unwrap().declaration;
        let missing = "`delete_cache_clusters` needs the argument `cluster_ids`, or one of tags, az";
        let cases = [
            (json!({"az": "a"}), vec![]),
            (json!({"tag": "a=b"}), vec!["`delete_cache_clusters` has no argument `tag`"]),
            (json!({"tags": 5}), vec!["`tags` must be an object or a string, got an integer"]),
            (json!({"tags": ""}), vec![missing]),
            (json!({"tags": {}}), vec![missing]),
            (json!({"tags": {}, "az": "a"}), vec![]),
            (json!({"count": 1}), vec![missing]),
            (json!({"az": "a", "cluster_ids": []}), vec!["`cluster_ids` must not be empty"]),
        ];
        for (given, expected) in cases {
            let held = hold(remove, given.as_object().unwrap(), &|_| false);
            let messages: Vec<_> = held.mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
            assert_eq!(messages, expected, "{given}");
        }
    }

    #[test]
    fn what_is_wrong_stands_open() {
        let stop = crate::catalogue::find("ec2", "stop_instances", ActivityKind::Action).unwrap().declaration;
        let given = json!({"instance_ids": "i-1", "tag": "a=b", "count": 1, "forced": 1});
        let held = hold(stop, given.as_object().unwrap(), &|_| false);
        let expected = json!({"instance_ids": OPEN, "count": 1, "tags": OPEN, "force": OPEN});
        assert_eq!((held.bound, held.mistakes.len()), (expected.as_object().unwrap().clone(), 3));
    }
}
