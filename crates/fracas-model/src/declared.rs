//! Parts of an experiment as they were written, without places.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::Node;

/// A part of an experiment as it was written: plain data, made when it is first looked at, since
/// an experiment that is only checked needs none.
#[derive(Clone)]
pub struct Declared {
    written: Option<(Arc<Node>, Place)>,
    value: OnceLock<Arc<Value>>,
}

/// Where a part stands in its experiment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// everywhere: it is the experiment
    Whole,
    /// the item of this number in the list under these keys
    Item(&'static [&'static str], usize),
}

impl Declared {
    /// The part of an experiment at a place; null when nothing stands there.
    pub fn at(root: &Arc<Node>, place: Place) -> Declared {
        Declared { written: Some((root.clone(), place)), value: OnceLock::new() }
    }

    /// The part, which copies of this share until it is changed.
    pub fn shared(&self) -> Arc<Value> {
        self.value().clone()
    }

    fn value(&self) -> &Arc<Value> {
        self.value.get_or_init(|| {
            let part = self.written.as_ref().and_then(|(root, place)| place.find(root));
            Arc::new(part.map_or(Value::Null, Node::to_json))
        })
    }
}

impl Place {
    fn find(self, root: &Node) -> Option<&Node> {
        match self {
            Place::Whole => Some(root),
            Place::Item(keys, index) => {
                let list = keys.iter().try_fold(root, |node, key| node.get(key))?;
                list.as_list()?.get(index)
            }
        }
    }
}

impl From<Value> for Declared {
    fn from(value: Value) -> Declared {
        Declared { written: None, value: OnceLock::from(Arc::new(value)) }
    }
}

impl Deref for Declared {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value()
    }
}

impl DerefMut for Declared {
    fn deref_mut(&mut self) -> &mut Value {
        self.value();
        Arc::make_mut(self.value.get_mut().expect("it was made just now"))
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

impl Serialize for Declared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn finds_its_part_and_can_be_changed() {
        let root = Arc::new(Node::from(&json!({"a": {"b": [1, {"c": 2}]}})));
        let mut item = Declared::at(&root, Place::Item(&["a", "b"], 1));
        item["c"] = json!(3);
        assert_eq!(*item, json!({"c": 3}));
        assert_eq!(*Declared::at(&root, Place::Whole), json!({"a": {"b": [1, {"c": 2}]}}));
        assert_eq!(*Declared::at(&root, Place::Item(&["a"], 0)), Value::Null);
    }
}
