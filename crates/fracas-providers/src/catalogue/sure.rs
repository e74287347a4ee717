//! Requests that the service's model has nothing against, which is known without opening the model.
//!
//! The activities inside the binary were held against the models, and a test here holds what they pass on as it
//! is against this. So validating most experiments opens no model, which takes longer than all the rest.

use serde_json::{Map, Value};

use super::{Request, Template};

/// Parameters whose texts need more than one character.
const LONGER: [&str; 6] = ["DomainName", "GroupARN", "PolicyArn", "UUID", "logGroupArn", "roleArn"];

/// Parameters that have to be there, though the arguments that they come from may be left out.
const NEEDED: [&str; 1] = ["name"];

impl Request {
    /// Whether nothing is passed on but literals, truths, texts with something in them, and what may be left out.
    /// For activities inside the binary, with arguments of the right types.
    pub(crate) fn is_sure(&self, arguments: &Map<String, Value>) -> bool {
        let mut entries = self.parameters.entries().iter();
        entries.all(|(key, _, value)| is_sure(key, value, arguments))
    }
}

fn is_sure(key: &str, value: &Template, arguments: &Map<String, Value>) -> bool {
    if value.is_object() {
        return value.entries().iter().all(|(key, _, value)| is_sure(key, value, arguments));
    }
    if let Some(items) = value.items() {
        return items.iter().all(|item| !is_missing(item, arguments) && is_sure(key, item, arguments));
    }
    let Some(name) = value.name() else { return value.literal().is_some() };
    match arguments.get(name) {
        _ if is_missing(value, arguments) => !NEEDED.contains(&key),
        Some(Value::String(text)) => !text.is_empty() && !LONGER.contains(&key),
        value => value.is_some_and(Value::is_boolean),
    }
}

fn is_missing(value: &Template, arguments: &Map<String, Value>) -> bool {
    value.name().is_some_and(|name| arguments.get(name).is_none_or(Value::is_null))
}

#[cfg(test)]
mod tests {
    use fracas_aws::Aws;
    use fracas_aws::model::{Kind, Member, Service, ShapeId};

    use super::super::{ArgumentKind, Declaration, FILES, collect};
    use super::*;

    #[test]
    fn no_model_has_anything_against_what_is_sure() {
        let aws = Aws::new();
        for file in &FILES {
            let catalogue = file.catalogue();
            for declaration in &catalogue.activities {
                let mut requests = Vec::new();
                collect(&declaration.steps, &|_| false, &mut requests);
                for request in requests {
                    let service = request.service.as_deref().unwrap_or(&catalogue.service);
                    let service = aws.service(service).unwrap();
                    let waiter = service.waiter(&request.name);
                    let operation = waiter.map_or(request.name.as_str(), |waiter| waiter.operation);
                    let input = service.operation(operation).unwrap().input;
                    structure(service, declaration, &request.parameters, input);
                }
            }
        }
    }

    fn structure(
        service: &Service<'_>,
        declaration: &Declaration,
        parameters: &Template,
        shape: Option<ShapeId>,
    ) {
        let Some(Kind::Structure(structure)) = shape.map(|shape| &service.shape(shape).kind) else { return };
        for (key, _, template) in parameters.entries() {
            let member = structure.members.iter().find(|member| member.name == key).unwrap();
            needed(declaration, member, template);
            value(service, declaration, key, template, member.shape);
        }
    }

    fn needed(declaration: &Declaration, member: &Member<'_>, template: &Template) {
        let argument = template.name().and_then(|name| declaration.argument(name));
        let may_be_missing =
            argument.is_some_and(|argument| !argument.required && argument.default.is_none());
        let is_known = !member.required || NEEDED.contains(&member.name);
        assert!(is_known || !may_be_missing, "{}: {} is needed", declaration.name, member.name);
    }

    fn value(
        service: &Service<'_>,
        declaration: &Declaration,
        key: &str,
        template: &Template,
        shape: ShapeId,
    ) {
        if template.is_object() {
            return structure(service, declaration, template, Some(shape));
        }
        let shape = service.shape(shape);
        if let (Some(items), Kind::List(list)) = (template.items(), &shape.kind) {
            return items.iter().for_each(|item| value(service, declaration, key, item, list.member));
        }
        let Some(argument) = template.name().and_then(|name| declaration.argument(name)) else { return };
        let may_be = |kind| argument.kinds.iter().chain(&argument.accepts).any(|one| *one == kind);
        let is_short = matches!(shape.kind, Kind::String) && shape.min.is_none_or(|min| min.value() <= 1.0);
        let is_fine = !may_be(ArgumentKind::String) || is_short || LONGER.contains(&key);
        assert!(is_fine, "{}: {key} takes not every text", declaration.name);
        let is_fine = !may_be(ArgumentKind::Boolean) || matches!(shape.kind, Kind::Boolean);
        assert!(is_fine, "{}: {key} takes no truth", declaration.name);
    }
}
