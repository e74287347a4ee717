//! Parameters to fill in, as the AWS CLI's `--generate-cli-skeleton` prints them.

use fracas_aws::model::{Kind, Member, Operation, Service, ShapeId};
use serde_json::{Map, Value, json};

/// All parameters of an operation, with values that only show their types.
pub(super) fn whole(service: &Service, operation: &Operation) -> Value {
    of_operation(service, operation, |_| true)
}

/// The parameters of an operation that have to be given.
pub(super) fn required(service: &Service, operation: &Operation) -> Value {
    of_operation(service, operation, |member| member.required)
}

fn of_operation(service: &Service, operation: &Operation, wanted: fn(&Member) -> bool) -> Value {
    match operation.input {
        Some(input) => value(service, input, wanted, &mut Vec::new()),
        None => json!({}),
    }
}

/// A structure within itself is empty.
fn value(service: &Service, id: ShapeId, wanted: fn(&Member) -> bool, above: &mut Vec<ShapeId>) -> Value {
    let is_repeated = above.contains(&id);
    above.push(id);
    let value = match &service.shape(id).kind {
        Kind::Structure(_) if is_repeated => json!({}),
        Kind::Structure(structure) => {
            let members = structure.members.iter().filter(|member| wanted(member));
            let entries =
                members.map(|member| (member.name.to_owned(), value(service, member.shape, wanted, above)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Kind::List(list) => json!([value(service, list.member, wanted, above)]),
        Kind::Map(map) => json!({"KeyName": value(service, map.value, wanted, above)}),
        Kind::String | Kind::Blob { .. } => json!(""),
        Kind::Boolean => json!(true),
        Kind::Integer | Kind::Long => json!(0),
        Kind::Float | Kind::Double => json!(0.0),
        Kind::Timestamp => json!("1970-01-01T00:00:00"),
    };
    above.pop();
    value
}
