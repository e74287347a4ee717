//! Pages and waiters.

mod support;

use serde_json::{Value, json};
use support::{Child, Reply, Server, error_answer};

/// Not a test of its own: see [`support::child`].
#[test]
fn child() {
    support::child();
}

fn page(instances: &[&str], marker: Option<&str>) -> String {
    let items: String = instances
        .iter()
        .map(|name| format!("<DBInstance><DBInstanceIdentifier>{name}</DBInstanceIdentifier></DBInstance>"))
        .collect();
    let marker = marker.map(|marker| format!("<Marker>{marker}</Marker>")).unwrap_or_default();
    format!(
        "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances>{items}</DBInstances>{marker}\
         </DescribeDBInstancesResult></DescribeDBInstancesResponse>"
    )
}

fn all_instances() -> Value {
    json!({"do": "all", "service": "docdb", "operation": "DescribeDBInstances", "params": {"MaxRecords": 20}})
}

#[test]
fn all_pages_become_one_result() {
    let server = Server::start(|_, before| {
        let pages = [page(&["a", "b"], Some("m 1")), page(&[], Some("m2")), page(&["c"], None)];
        Reply::Answer(200, pages[before].clone())
    });
    let outcome = Child::new("pages").at(&server).step(all_instances());
    let expected = json!([
        {"DBInstanceIdentifier": "a"}, {"DBInstanceIdentifier": "b"}, {"DBInstanceIdentifier": "c"}
    ]);
    assert_eq!(outcome["ok"], json!({"DBInstances": expected}));
    let markers: Vec<_> =
        server.received().iter().map(|r| r.body.split("Marker=").nth(1).unwrap_or("").to_owned()).collect();
    assert_eq!(markers, ["", "m+1", "m2"]);
}

#[test]
fn the_same_page_twice_is_an_error() {
    let server = Server::start(|_, _| Reply::Answer(200, page(&["a"], Some("again"))));
    let outcome = Child::new("same-page").at(&server).step(all_instances());
    assert_eq!(
        outcome["error"],
        "Error during pagination: The same next token was received twice: {'Marker': 'again'}"
    );
    assert_eq!(server.received().len(), 2);
}

#[test]
fn what_does_not_page_says_so() {
    let step = json!({"do": "all", "service": "docdb", "operation": "FailoverDBCluster", "params": {}});
    let outcome = Child::new("no-pages").step(step);
    assert_eq!(outcome["error"], "Operation cannot be paginated: FailoverDBCluster");
}

/// The answers to the polls of iam's `UserExists`, which polls every second.
fn user_exists(answer: fn(usize) -> (u16, String)) -> (Value, usize) {
    let server = Server::start(move |_, before| {
        let (status, body) = answer(before);
        Reply::Answer(status, body)
    });
    let step = json!({"do": "wait", "service": "iam", "waiter": "UserExists", "params": {"UserName": "x"}});
    let outcome = Child::new("wait").at(&server).step(step);
    (outcome, server.received().len())
}

fn user() -> String {
    "<GetUserResponse><GetUserResult><User><UserName>x</UserName></User></GetUserResult></GetUserResponse>"
        .to_owned()
}

#[test]
fn a_waiter_polls_until_it_succeeds() {
    let (outcome, polls) = user_exists(|before| match before {
        0 => (404, error_answer("NoSuchEntity", "not yet")),
        _ => (200, user()),
    });
    assert_eq!(outcome["ok"]["User"]["UserName"], "x", "{outcome}");
    assert_eq!(polls, 2);
}

#[test]
fn a_waiter_ends_at_an_error_that_it_does_not_expect() {
    let (outcome, polls) = user_exists(|_| (403, error_answer("AccessDenied", "not you")));
    assert_eq!(outcome["error"], "Waiter UserExists failed: An error occurred (AccessDenied): not you");
    assert_eq!(outcome["class"], "botocore.exceptions.WaiterError");
    assert_eq!(
        outcome["help"],
        "allow iam:GetUser to the identity that calls; iam GetUser was refused; request id error-id"
    );
    assert_eq!(polls, 1);
}

#[test]
fn a_waiter_ends_at_a_state_from_which_nothing_will_come() {
    let body = page(&["x"], None)
        .replace("</DBInstance>", "<DBInstanceStatus>deleting</DBInstanceStatus></DBInstance>");
    let server = Server::answering(200, &body);
    let step = json!({"do": "wait", "service": "docdb", "waiter": "DBInstanceAvailable", "params": {}});
    let outcome = Child::new("terminal").at(&server).step(step);
    assert_eq!(
        outcome["error"],
        "Waiter DBInstanceAvailable failed: Waiter encountered a terminal failure state: For expression \
         \"DBInstances[].DBInstanceStatus\" we matched expected path: \"deleting\" at least once"
    );
}

#[test]
fn an_unknown_waiter_is_named_with_those_like_it() {
    let step = json!({"do": "wait", "service": "docdb", "waiter": "InstanceAvailable", "params": {}});
    let outcome = Child::new("no-waiter").step(step);
    assert_eq!(outcome["error"], "Waiter does not exist: InstanceAvailable");
    let step = json!({"do": "wait", "service": "docdb", "waiter": "db_instance_availabel", "params": {}});
    assert_eq!(
        Child::new("no-waiter").step(step)["help"],
        "did you mean db_instance_available, db_instance_deleted?"
    );
}
