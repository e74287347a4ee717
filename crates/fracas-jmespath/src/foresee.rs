//! What an expression finds in values of which only the kinds are known, and which members it asks for in vain.

use jmespath::ast::Ast;

use crate::Expression;

/// What is known of a value that is not there yet.
#[derive(Debug, Clone)]
pub enum Kind<S> {
    /// nothing
    Anything,
    /// a text, a number or the like
    Plain,
    /// values of one kind
    List(Box<Kind<S>>),
    /// these members and no others
    Object(Vec<(String, Kind<S>)>),
    /// values of one kind, under any key
    Map(Box<Kind<S>>),
    /// what somebody else knows
    Shape(S),
}

/// What somebody knows of values.
pub trait Shape: Clone {
    /// What such a value is, one level deep.
    fn opened(&self) -> Kind<Self>;
}

/// A member that is never there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// The members that are there; none where it is no object.
    pub known: Vec<String>,
    /// Whether a list was asked for it.
    pub of_list: bool,
}

impl<S: Shape> Kind<S> {
    fn opened(self) -> Kind<S> {
        match self {
            Kind::Shape(shape) => shape.opened(),
            other => other,
        }
    }

    /// What the items of a list are.
    pub fn item(self) -> Kind<S> {
        match self.opened() {
            Kind::List(item) => *item,
            _ => Kind::Anything,
        }
    }

    /// What a member is; one that is never there is told.
    pub fn member(self, name: &str, missing: &mut Vec<Missing>) -> Kind<S> {
        let (known, of_list) = match self.opened() {
            Kind::Map(value) => return *value,
            Kind::Object(mut members) => match members.iter().position(|(known, _)| known == name) {
                Some(place) => return members.swap_remove(place).1,
                None => (members.into_iter().map(|(known, _)| known).collect(), false),
            },
            Kind::List(_) => (Vec::new(), true),
            Kind::Plain => (Vec::new(), false),
            Kind::Anything | Kind::Shape(_) => return Kind::Anything,
        };
        missing.push(Missing { name: name.to_owned(), known, of_list });
        Kind::Anything
    }
}

impl Expression {
    /// What it finds in such a value; the members that are never there are told.
    pub fn foresee<S: Shape>(&self, data: &Kind<S>, missing: &mut Vec<Missing>) -> Kind<S> {
        let variables = Some(data).filter(|_| self.has_variables);
        Foresight { variables, missing }.of(&self.ast, data.clone())
    }
}

struct Foresight<'f, S> {
    /// What `$name` looks into.
    variables: Option<&'f Kind<S>>,
    missing: &'f mut Vec<Missing>,
}

impl<S: Shape> Foresight<'_, S> {
    fn of(&mut self, ast: &Ast, data: Kind<S>) -> Kind<S> {
        match ast {
            Ast::Identity { .. } | Ast::Slice { .. } => data,
            Ast::Field { name, .. } => match (name.strip_prefix('$'), self.variables) {
                (Some(name), Some(variables)) => variables.clone().member(name, self.missing),
                _ => data.member(name, self.missing),
            },
            Ast::Subexpr { lhs, rhs, .. } => {
                let left = self.of(lhs, data);
                self.of(rhs, left)
            }
            Ast::Index { .. } => data.item(),
            Ast::Flatten { node, .. } => self.flat(node, data),
            Ast::ObjectValues { node, .. } => match self.of(node, data).opened() {
                Kind::Map(value) => Kind::List(value),
                _ => Kind::Anything,
            },
            Ast::Projection { lhs, rhs, .. } => {
                let item = self.of(lhs, data).item();
                Kind::List(Box::new(self.of(rhs, item)))
            }
            Ast::Condition { predicate, then, .. } => {
                self.of(predicate, data.clone());
                self.of(then, data)
            }
            Ast::MultiHash { elements, .. } => {
                let mut member = |name: &str, ast: &Ast| (name.to_owned(), self.of(ast, data.clone()));
                Kind::Object(elements.iter().map(|pair| member(&pair.key, &pair.value)).collect())
            }
            Ast::Function { name, args, .. } => self.call(name, args, data),
            _ => self.parts(ast, data),
        }
    }

    /// Of lists within a list, what is in them all.
    fn flat(&mut self, node: &Ast, data: Kind<S>) -> Kind<S> {
        let item = self.of(node, data).item();
        Kind::List(Box::new(match item.clone().opened() {
            Kind::List(inner) => *inner,
            _ => item,
        }))
    }

    /// What functions give that only choose among what they are given, or put it in order.
    fn call(&mut self, name: &str, args: &[Ast], data: Kind<S>) -> Kind<S> {
        let mut given: Vec<Kind<S>> = Vec::new();
        for arg in args.iter().filter(|arg| !matches!(arg, Ast::Expref { .. })) {
            given.push(self.of(arg, data.clone()));
        }
        let list = given.into_iter().next().unwrap_or(Kind::Anything);
        for arg in args {
            if let Ast::Expref { ast, .. } = arg {
                self.of(ast, list.clone().item());
            }
        }
        match name {
            "sort" | "sort_by" | "reverse" | "unique" | "last" => list,
            "max_by" | "min_by" => list.item(),
            _ => Kind::Anything,
        }
    }

    /// What is looked at on the way to a value of which nothing is known.
    fn parts(&mut self, ast: &Ast, data: Kind<S>) -> Kind<S> {
        match ast {
            Ast::Or { lhs, rhs, .. } | Ast::And { lhs, rhs, .. } | Ast::Comparison { lhs, rhs, .. } => {
                self.of(lhs, data.clone());
                self.of(rhs, data);
            }
            Ast::Not { node, .. } => _ = self.of(node, data),
            Ast::MultiList { elements, .. } => {
                elements.iter().for_each(|element| _ = self.of(element, data.clone()));
            }
            _ => {}
        }
        Kind::Anything
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cluster has members, and is a member of its members.
    #[derive(Debug, Clone)]
    struct Cluster;

    impl Shape for Cluster {
        fn opened(&self) -> Kind<Cluster> {
            Kind::Object(vec![
                ("Id".to_owned(), Kind::Plain),
                ("Nodes".to_owned(), Kind::List(Box::new(Kind::Shape(Cluster)))),
                ("Tags".to_owned(), Kind::Map(Box::new(Kind::Plain))),
            ])
        }
    }

    fn missing(text: &str) -> Vec<String> {
        let list = Kind::List(Box::new(Kind::Shape(Cluster)));
        let names = Kind::Object(vec![("found".to_owned(), list), ("id".to_owned(), Kind::Anything)]);
        let mut missing = Vec::new();
        Expression::with(text, &[]).unwrap().foresee(&names, &mut missing);
        missing.into_iter().map(|missing| missing.name).collect()
    }

    #[test]
    fn what_is_there_is_found() {
        for text in [
            "found[].Nodes[].Id",
            "found[*].Nodes[].Nodes[0].Id",
            "found[?Id == $id].Tags.any",
            "sort_by(found, &Id)[-1].Nodes[:2].Id",
            "found[0].{name: Id, all: Nodes[]}.all[].Id",
            "max_by(found, &Id).Id || `1`",
            "found[].Tags.*",
            "length(found[?contains(Nodes[].Id, 'a')])",
            "id.anything.at.all",
        ] {
            assert_eq!(missing(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_is_never_there_is_told() {
        for (text, expected) in [
            ("found.Id", vec!["Id"]),
            ("found[].Idd", vec!["Idd"]),
            ("found[?Ide == $id].Node[].Id", vec!["Ide", "Node"]),
            ("sort_by(found, &Ids)[0].Is", vec!["Ids", "Is"]),
            ("found[0].{a: Id}.b", vec!["b"]),
            ("found[].Tags.*.key.below", vec!["key"]),
            ("found[0].Id.Id || found[0].Nodes.Id", vec!["Id", "Id"]),
            ("[found[0].A, !(found[0].B)]", vec!["A", "B"]),
        ] {
            assert_eq!(missing(text), expected, "{text}");
        }
    }
}
