//! What the names of a declaration stand for, as far as the models tell, and members that answers never have.

use std::collections::HashMap;

use fracas_aws::model::{Kind as ShapeKind, Operation, Service, ShapeId};
use fracas_engine::nearest;
use fracas_jmespath::{Kind, Missing, Shape};
use fracas_model::{Problem, Span};

use super::Template;

/// As many members are named in full.
const FEW: usize = 12;

/// A shape of a service's model.
#[derive(Clone, Copy)]
pub(super) struct Modelled {
    service: &'static Service<'static>,
    shape: ShapeId,
}

impl Shape for Modelled {
    fn opened(&self) -> Kind<Modelled> {
        let of = |shape: ShapeId| Kind::Shape(Modelled { shape, ..*self });
        match &self.service.shape(self.shape).kind {
            ShapeKind::Structure(structure) if structure.document => Kind::Anything,
            ShapeKind::Structure(structure) => {
                let members = structure.members.iter();
                Kind::Object(members.map(|member| (member.name.to_owned(), of(member.shape))).collect())
            }
            ShapeKind::List(list) => Kind::List(Box::new(of(list.member))),
            ShapeKind::Map(map) => Kind::Map(Box::new(of(map.value))),
            _ => Kind::Plain,
        }
    }
}

/// What an operation answers.
pub(super) fn answer(service: &'static Service<'static>, operation: &Operation<'_>) -> Kind<Modelled> {
    let Some(shape) = operation.output else { return Kind::Anything };
    match (Modelled { service, shape }).opened() {
        Kind::Object(mut members) => {
            members.push(("ResponseMetadata".to_owned(), Kind::Anything));
            Kind::Object(members)
        }
        other => other,
    }
}

/// What a listing finds.
pub(super) fn listed(service: &'static Service<'static>, operation: &Operation<'_>) -> Kind<Modelled> {
    let paginator = service.paginator(operation.name);
    let key = paginator.and_then(|paginator| paginator.result_keys.first());
    // A key that leads deeper is not known here.
    key.map_or(Kind::Anything, |key| answer(service, operation).member(key, &mut Vec::new()))
}

/// What the names stand for that are bound so far.
#[derive(Default)]
pub(super) struct Members<'a>(HashMap<&'a str, Kind<Modelled>>);

impl<'a> Members<'a> {
    /// Binds the result of a step. Of a name that steps share, nothing is known.
    pub(super) fn bind(&mut self, name: &'a str, kind: Kind<Modelled>) {
        let is_known = self.0.contains_key(name);
        self.0.insert(name, if is_known { Kind::Anything } else { kind });
    }

    /// Binds the item of a list.
    pub(super) fn bind_item(&mut self, name: &'a str, list: Kind<Modelled>) {
        self.0.insert(name, list.item());
    }

    /// What a template becomes, and what is wrong with it.
    pub(super) fn of(&self, template: &Template) -> (Kind<Modelled>, Vec<Problem>) {
        let names = template.names().into_iter();
        let known = names.map(|name| (name.to_owned(), self.0.get(name).cloned().unwrap_or(Kind::Anything)));
        let mut missing = Vec::new();
        let kind = template.foresee(Kind::Object(known.collect()), &mut missing);
        (kind, missing.into_iter().map(|missing| problem(&missing, template.span)).collect())
    }
}

fn problem(missing: &Missing, span: Span) -> Problem {
    let Missing { name, known, of_list } = missing;
    let near = nearest(name, known.iter().map(String::as_str));
    let help = match near {
        _ if *of_list => {
            format!("write `[].{name}` for that of every item, or `[0].{name}` for that of the first")
        }
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "what it is asked of has no members".to_owned(),
        None if known.len() > FEW => format!("there are {}, and others", known[..FEW].join(", ")),
        None => format!("there are {}", known.join(", ")),
    };
    let what = if *of_list { "a list has no member" } else { "there is no member" };
    Problem::error(span, format!("{what} `{name}`")).help(help)
}
