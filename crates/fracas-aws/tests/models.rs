//! The embedded models as a whole: every service opens and holds together.

use fracas_aws::model::{Kind, Service, Shape, ShapeId, embedded};

fn services() -> impl Iterator<Item = &'static Service<'static>> {
    embedded::services().map(|name| embedded::service(name).unwrap())
}

/// The shapes that a shape points at.
fn references(shape: &Shape) -> Vec<ShapeId> {
    match &shape.kind {
        Kind::Structure(structure) => structure.members.iter().map(|member| member.shape).collect(),
        Kind::List(list) => vec![list.member],
        Kind::Map(map) => vec![map.key, map.value],
        _ => Vec::new(),
    }
}

#[test]
fn counts_are_botocores() {
    assert_eq!(embedded::services().count(), 439);
    assert_eq!(services().map(|service| service.operations.len()).sum::<usize>(), 19_796);
}

#[test]
fn services_are_sorted_and_named_as_asked() {
    assert!(embedded::services().is_sorted());
    for name in embedded::services() {
        assert_eq!(embedded::service(name).unwrap().name, name);
    }
    assert!(embedded::service("documentdb").is_none());
}

#[test]
fn a_service_is_opened_once() {
    let (one, other) = (embedded::service("docdb").unwrap(), embedded::service("docdb").unwrap());
    assert!(std::ptr::eq(one, other));
}

#[test]
fn every_shape_reference_is_in_range() {
    for service in services() {
        let ends = service.operations.iter().flat_map(|operation| {
            operation.input.into_iter().chain(operation.output).chain(operation.errors.iter().copied())
        });
        let inner = service.shapes.iter().flat_map(references);
        for ShapeId(id) in ends.chain(inner) {
            assert!((id as usize) < service.shapes.len(), "{}: shape {id}", service.name);
        }
    }
}

#[test]
fn operations_paginators_and_waiters_are_found_by_name() {
    for service in services() {
        assert!(service.operations.is_sorted_by(|one, next| one.name < next.name), "{}", service.name);
        for paginator in &service.paginators {
            assert!(service.operation(paginator.operation).is_some(), "{}", paginator.operation);
            assert!(service.paginator(paginator.operation).is_some());
        }
        for waiter in &service.waiters {
            assert!(service.operation(waiter.operation).is_some(), "{}: {}", service.name, waiter.name);
            assert!(service.waiter(waiter.name).is_some_and(|found| !found.acceptors.is_empty()));
        }
    }
}

#[test]
fn inputs_and_outputs_are_structures_and_payloads_are_members() {
    for service in services() {
        for operation in &service.operations {
            for id in operation.input.into_iter().chain(operation.output) {
                let Kind::Structure(structure) = &service.shape(id).kind else {
                    panic!("{}.{}: not a structure", service.name, operation.name)
                };
                let found = structure.members.iter().any(|member| member.name == structure.payload);
                assert!(found || structure.payload.is_empty(), "{}.{}", service.name, operation.name);
            }
        }
    }
}

#[test]
fn every_rule_points_forward_and_every_expression_backward() {
    use fracas_aws::model::rules::Expr;
    for service in services() {
        let rules = &service.rules;
        assert!(!rules.rules.is_empty(), "{}", service.name);
        for (place, rule) in rules.rules.iter().enumerate() {
            assert!(place < rule.end as usize && rule.end as usize <= rules.rules.len(), "{}", service.name);
        }
        for (place, expr) in rules.expressions.iter().enumerate() {
            let arguments = match expr {
                Expr::Call(_, arguments) | Expr::List(arguments) => arguments.clone(),
                Expr::Attribute(value, _) => vec![*value],
                Expr::Object(fields) => fields.iter().map(|(_, value)| *value).collect(),
                _ => Vec::new(),
            };
            assert!(arguments.iter().all(|argument| (argument.0 as usize) < place), "{}", service.name);
        }
    }
}

/// What the distiller's merging and choosing comes to, on services where each of them matters.
#[test]
fn known_facts_are_kept() {
    use fracas_aws::model::Protocol;
    let docdb = embedded::service("docdb").unwrap();
    assert_eq!(docdb.metadata.signing_name, "rds");
    assert_eq!(docdb.metadata.service_id, "DocDB");
    let copy = docdb.operation("CopyDBClusterSnapshot").unwrap();
    let Kind::Structure(input) = &docdb.shape(copy.input.unwrap()).kind else { panic!() };
    assert!(input.members.iter().any(|member| member.name == "SourceRegion"), "from the sdk extras");

    let protocol = |name: &str| embedded::service(name).unwrap().metadata.protocol;
    assert_eq!(protocol("cloudwatch"), Protocol::Json, "preferred to its rpc-v2-cbor");
    assert_eq!(protocol("ec2"), Protocol::Ec2);
    assert_eq!(protocol("s3"), Protocol::RestXml);

    let s3 = embedded::service("s3").unwrap();
    let expires = s3.shapes.iter().find(|shape| shape.name == "Expires").unwrap();
    assert_eq!(expires.kind, Kind::Timestamp, "from the sdk extras");
    assert_eq!(
        embedded::service("cloudwatch").unwrap().error("ResourceNotFound").unwrap().name,
        "ResourceNotFound"
    );
}

#[test]
fn the_packs_are_small() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let sizes = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len());
    assert!(sizes.sum::<u64>() <= 4 * 1024 * 1024);
}

#[test]
fn the_notice_names_what_was_distilled() {
    let notice = include_str!("../../../NOTICE").to_lowercase();
    for line in include_str!("../models/requirements.txt").lines().filter(|line| !line.starts_with('#')) {
        let pinned = line.split_whitespace().next().unwrap().replace("==", " ");
        assert!(notice.contains(&pinned), "{pinned} is not in NOTICE");
    }
}
