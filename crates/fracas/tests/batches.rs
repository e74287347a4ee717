//! Activities of the catalogue that make several calls. Many targets are split as the limits of AWS ask. Where one of
//! the calls fails, the console, the journal, the run log and `fracas activity run` tell which calls were carried out on
//! what, which one failed, and what was not tried. So they do where the activity is cut.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use serde_json::{Value, json};
use support::fracas;
use support::peer::Peer;
use support::process::pid;
use tempfile::TempDir;

/// An AWS with these answers, and the program beside it.
struct Scene {
    peer: Peer,
    folder: TempDir,
    activity: &'static str,
    arguments: Value,
    answers: Value,
}

impl Scene {
    fn new(activity: &'static str, arguments: Value, answers: Value) -> Scene {
        Scene { peer: Peer::start(), folder: tempfile::tempdir().unwrap(), activity, arguments, answers }
    }

    /// Runs fracas in the folder, with one more try for each call, and gives what it prints to people.
    fn fracas(&mut self, args: &[&str]) -> String {
        said(self.start(args))
    }

    fn start(&mut self, args: &[&str]) -> Child {
        self.peer.ask(&json!({"answers": {"answers": self.answers}}));
        let mut command = Command::new(fracas());
        command.args(args).current_dir(&self.folder).env_clear().env("HOME", self.folder.path()).envs([
            ("PATH", "/usr/bin:/bin"),
            ("AWS_ENDPOINT_URL", self.peer.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_MAX_ATTEMPTS", "2"),
        ]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// The activity as the method of an experiment.
    fn run(&mut self) -> String {
        said(self.start_run(&json!({}), &[]))
    }

    /// As [`Scene::run`], with more keys of the activity and more arguments.
    fn start_run(&mut self, keys: &Value, args: &[&str]) -> Child {
        let provider = json!({"type": "aws", "activity": self.activity, "arguments": self.arguments});
        let mut action = json!({"type": "action", "name": "it", "provider": provider});
        action.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
        let intact = json!({
            "type": "probe", "name": "intact", "tolerance": 0,
            "provider": {"type": "process", "path": "test", "arguments": ["!", "-e", "broken"]},
        });
        let experiment = json!({
            "title": "t", "description": "d", "method": [action],
            "steady-state-hypothesis": {"title": "h", "probes": [intact]},
        });
        fs::write(self.folder.path().join("experiment.json"), experiment.to_string()).unwrap();
        self.start(&[&["run", "--runs-dir", "runs"], args, &["experiment.json"]].concat())
    }

    /// Waits until so many calls have come and what is answered has been taken in.
    fn wait_for(&mut self, calls: usize, child: &mut Child) {
        while self.calls("").len() < calls {
            assert!(child.try_wait().unwrap().is_none(), "it has ended before call {calls}");
            thread::sleep(Duration::from_millis(20));
        }
        thread::sleep(Duration::from_millis(500));
    }

    /// Plays it, and lets this happen once so many calls have come. People have to read these lines then, and journal and
    /// run log have to say the same.
    fn tells_cut(
        &mut self,
        args: &[&str],
        calls: usize,
        cut: fn(&Scene, &Child),
        lines: &[&str],
        progress: &Value,
    ) {
        let mut child = self.start_run(&json!({}), args);
        self.wait_for(calls, &mut child);
        cut(self, &child);
        let console = said(child);
        assert!(in_turn(&console, lines), "{console}\ndoes not tell {lines:#?}");
        self.assert_recorded(progress);
        assert_eq!(self.calls("").len(), calls, "nothing is called after the cut");
    }

    /// What journal and run log say of how far it came.
    fn assert_recorded(&self, progress: &Value) {
        let (journal, logged) = self.records();
        assert_eq!((&journal["progress"], &journal["happened"]), (progress, &logged["happened"]));
        assert_eq!(&logged["progress"], progress);
    }

    fn run_by_hand(&mut self) -> String {
        said(self.start_by_hand())
    }

    fn start_by_hand(&mut self) -> Child {
        let arguments = self.arguments.as_object().unwrap();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let arguments: Vec<String> =
            arguments.iter().map(|(name, value)| format!("--arg={name}={}", text(value))).collect();
        let mut args = vec!["activity", "run", self.activity];
        args.extend(arguments.iter().map(String::as_str));
        self.start(&args)
    }

    /// Plays it by hand, and sends this signal once so many calls have come. People have to read these lines then.
    fn tells_cut_by_hand(&mut self, calls: usize, signal: Signal, lines: &[&str]) {
        let mut child = self.start_by_hand();
        self.wait_for(calls, &mut child);
        kill(pid(&child), signal).unwrap();
        let Output { status, stderr, stdout } = child.wait_with_output().unwrap();
        let console = String::from_utf8(stderr).unwrap();
        assert!(in_turn(&console, lines), "{console}\ndoes not tell {lines:#?}");
        assert_eq!((status.code(), stdout), (Some(3), Vec::new()), "{console}");
        assert_eq!(self.calls("").len(), calls, "nothing is called after the cut");
    }

    /// What the journal says of the activity, and the run log of its end.
    fn records(&self) -> (Value, Value) {
        let log = fs::read_to_string(self.run_folder().join("events.jsonl")).unwrap();
        let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let end = events.into_iter().find(|event| !event["error"].is_null()).unwrap();
        (activity_in(&self.folder.path().join("journal.json")), end)
    }

    fn run_folder(&self) -> PathBuf {
        let runs = fs::read_dir(self.folder.path().join("runs")).unwrap();
        let mut folders = runs.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
        folders.next().unwrap()
    }

    /// Plays it in both ways: people have to read these lines, one after the other, and journal and run log have to say the same.
    fn tells(&mut self, lines: &[&str], progress: &Value) {
        let (console, by_hand) = (self.run(), self.run_by_hand());
        assert!(in_turn(&console, lines), "{console}\ndoes not tell {lines:#?}");
        assert!(in_turn(&by_hand, lines), "{by_hand}\ndoes not tell {lines:#?}");
        self.assert_recorded(progress);
    }

    /// The calls of the last run: the operation, and how often this stands in what was sent.
    fn calls(&mut self, what: &str) -> Vec<(String, usize)> {
        let calls = self.peer.ask(&json!({"calls": true}));
        let text = |call: &Value, key: &str| call[key].as_str().unwrap().to_owned();
        let counted = |call: &Value| (text(call, "operation"), text(call, "body").matches(what).count());
        calls["calls"].as_array().unwrap().iter().map(counted).collect()
    }
}

/// What a journal says of the activity.
fn activity_in(journal: &Path) -> Value {
    serde_json::from_str::<Value>(&fs::read_to_string(journal).unwrap()).unwrap()["run"][0].take()
}

/// What it prints to people until its end.
fn said(child: Child) -> String {
    let Output { stderr, .. } = child.wait_with_output().unwrap();
    String::from_utf8(stderr).unwrap()
}

fn in_turn(text: &str, lines: &[&str]) -> bool {
    let mut rest = text;
    lines.iter().all(|line| {
        let found = rest.split_once(line);
        rest = found.map_or("", |(_, rest)| rest);
        found.is_some()
    })
}

fn refused(code: &str) -> Value {
    json!({"error": {"code": code, "message": "no"}})
}

fn task(name: &str) -> Value {
    json!({"task": {"taskArn": format!("arn:aws:ecs:us-east-1:1:task/web/{name}"), "desiredStatus": "STOPPED"}})
}

#[test]
fn throttling_in_the_middle_of_a_batch() {
    let arns = ["a", "b", "c", "d", "e"].map(|name| format!("arn:aws:ecs:us-east-1:1:task/web/{name}"));
    let arguments = json!({"cluster": "web", "task_count": 5, "seed": 7});
    let answers = json!({
        "ecs.DescribeClusters": [{"clusters": [{"clusterName": "web"}]}],
        "ecs.ListTasks": [{"taskArns": arns}],
        "ecs.StopTask": [task("c"), task("e"), refused("ThrottlingException")],
    });
    let mut scene = Scene::new("ecs.stop_random_tasks", arguments, answers);
    let order = [2, 0, 3, 1, 4].map(|place: usize| arns[place].clone());
    let lines = [
        "ThrottlingException",
        "some of it has happened",
        &format!("carried out: StopTask of {}, {}", order[0], order[1]),
        &format!("not carried out: StopTask of {}", order[2]),
        &format!("not tried: StopTask of {}, {}", order[3], order[4]),
    ];
    let progress = json!({
        "carried-out": [{"call": "StopTask", "of": order[..2]}],
        "failed": {"call": "StopTask", "of": [order[2]], "happened": "no"},
        "not-tried": [{"call": "StopTask", "of": order[3..]}],
    });
    scene.tells(&lines, &progress);
    scene.run();
    assert_eq!(scene.calls("").len(), 6, "the throttled call is tried again once");
}

#[test]
fn access_denied_on_the_third_of_five_calls() {
    let names = ["g-1", "g-2", "g-3", "g-4", "g-5"];
    let groups = names.map(|name| json!({"AutoScalingGroupName": name}));
    let answers = json!({
        "autoscaling.DescribeAutoScalingGroups": [{"AutoScalingGroups": groups}],
        "autoscaling.SuspendProcesses": [{}, {}, refused("AccessDenied"), {}],
    });
    let arguments = json!({"asg_names": names, "process_names": ["Launch"]});
    let lines = [
        "AccessDenied",
        "some of it has happened",
        "carried out: SuspendProcesses of g-1, g-2",
        "not carried out: SuspendProcesses of g-3",
        "not tried: SuspendProcesses of g-4, g-5",
    ];
    let progress = json!({
        "carried-out": [{"call": "SuspendProcesses", "of": ["g-1", "g-2"]}],
        "failed": {"call": "SuspendProcesses", "of": ["g-3"], "happened": "no"},
        "not-tried": [{"call": "SuspendProcesses", "of": ["g-4", "g-5"]}],
    });
    let mut scene = Scene::new("asg.suspend_processes", arguments, answers);
    scene.tells(&lines, &progress);
    let console = scene.fracas(&["run", "--compat", "experiment.json"]);
    assert!(console.contains("AccessDenied") && !console.contains("carried out"), "{console}");
    let journal = fs::read_to_string(scene.folder.path().join("journal.json")).unwrap();
    assert!(journal.contains("AccessDenied") && !journal.contains("\"progress\""), "{journal}");
}

#[test]
fn a_resource_that_disappears_between_find_and_call() {
    let cluster = |name: &str| json!({"CacheClusters": [{"CacheClusterId": name, "CacheNodes": [{"CacheNodeId": "0001"}]}]});
    let answers = json!({
        "elasticache.DescribeCacheClusters": [cluster("c-1"), cluster("c-2"), cluster("c-3")],
        "elasticache.RebootCacheCluster": [
            {"CacheCluster": {"CacheClusterId": "c-1"}},
            {"error": {"code": "CacheClusterNotFound", "message": "c-2 not found", "status": 404}},
        ],
    });
    let arguments = json!({"cluster_ids": ["c-1", "c-2", "c-3"]});
    let lines = [
        "c-2 not found",
        "some of it has happened",
        "carried out: RebootCacheCluster of c-1",
        "not carried out: RebootCacheCluster of c-2",
        "not tried: RebootCacheCluster of c-3",
    ];
    let progress = json!({
        "carried-out": [{"call": "RebootCacheCluster", "of": ["c-1"]}],
        "failed": {"call": "RebootCacheCluster", "of": ["c-2"], "happened": "no"},
        "not-tried": [{"call": "RebootCacheCluster", "of": ["c-3"]}],
    });
    Scene::new("elasticache.reboot_cache_clusters", arguments, answers).tells(&lines, &progress);
}

#[test]
fn nobody_can_tell_of_a_call_that_the_server_broke_off() {
    let instance = |name: &str, volume: &str| {
        let root = json!({"DeviceName": "/dev/xvda", "Ebs": {"VolumeId": "vol-root"}});
        let data = json!({"DeviceName": "/dev/sdf", "Ebs": {"VolumeId": volume}});
        json!({"InstanceId": name, "BlockDeviceMappings": [root, data]})
    };
    let instances = [instance("i-1", "vol-1"), instance("i-2", "vol-2"), instance("i-3", "vol-3")];
    let answers = json!({
        "ec2.DescribeInstances": [{"Reservations": [{"Instances": instances}]}],
        "ec2.DetachVolume": [
            {"VolumeId": "vol-1"},
            {"error": {"code": "InternalError", "message": "broken", "status": 500}},
        ],
        "ec2.CreateTags": [{}],
    });
    let arguments = json!({"instance_ids": ["i-1", "i-2", "i-3"]});
    let lines = [
        "unable to detach volume vol-2 from i-2: broken",
        "some of it has happened",
        "carried out: DetachVolume of vol-1",
        "carried out: CreateTags of vol-1",
        "perhaps carried out: DetachVolume of vol-2",
        "not tried: CreateTags of vol-2, vol-3",
        "not tried: DetachVolume of vol-3",
    ];
    let progress = json!({
        "carried-out": [{"call": "DetachVolume", "of": ["vol-1"]}, {"call": "CreateTags", "of": ["vol-1"]}],
        "failed": {"call": "DetachVolume", "of": ["vol-2"], "happened": "maybe"},
        "not-tried": [{"call": "CreateTags", "of": ["vol-2", "vol-3"]}, {"call": "DetachVolume", "of": ["vol-3"]}],
    });
    Scene::new("ec2.detach_random_volume", arguments, answers).tells(&lines, &progress);
}

fn ids(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|number| format!("i-{number:05}")).collect()
}

/// What DescribeInstances tells of instances, as many a call as it is asked for.
fn described(count: usize) -> Value {
    let of = |from: usize| {
        let instances: Vec<Value> =
            ids(from..count.min(from + 1000)).into_iter().map(|id| json!({"InstanceId": id})).collect();
        json!({"Reservations": [{"Instances": instances}]})
    };
    (0..count).step_by(1000).map(of).collect()
}

/// Each operation with how many of these it was sent, as `ec2.StopInstances 1000`.
fn sizes(scene: &mut Scene, what: &str) -> Vec<String> {
    scene.calls(what).into_iter().map(|(operation, count)| format!("{operation} {count}")).collect()
}

fn assert_calls(mut scene: Scene, what: &str, expected: &[(&str, &[usize])]) -> Value {
    let console = scene.run();
    let expected: Vec<String> = expected
        .iter()
        .flat_map(|(operation, sizes)| sizes.iter().map(move |size| format!("{operation} {size}")))
        .collect();
    assert_eq!(sizes(&mut scene, what), expected, "{console}");
    let run = activity_in(&scene.folder.path().join("journal.json"));
    assert_eq!(run["status"], "succeeded", "{console}");
    run["output"].clone()
}

#[test]
fn thousands_of_instances() {
    let calls = [
        ("ec2.stop_instances", "ec2.StopInstances", "StoppingInstances"),
        ("ec2.terminate_instances", "ec2.TerminateInstances", "TerminatingInstances"),
        ("ec2.start_instances", "ec2.StartInstances", "StartingInstances"),
        ("ec2.restart_instances", "ec2.RebootInstances", "Nothing"),
    ];
    for (activity, operation, key) in calls {
        let answers = json!({
            "ec2.DescribeInstances": described(2500),
            operation: [{key: [{"InstanceId": "i-1"}]}],
        });
        let scene = Scene::new(activity, json!({"instance_ids": ids(0..2500)}), answers);
        let sizes = &[1000, 1000, 500];
        let output =
            assert_calls(scene, "InstanceId.", &[("ec2.DescribeInstances", sizes), (operation, sizes)]);
        let answers = if key == "Nothing" { 0 } else { 3 };
        assert_eq!(output.as_array().unwrap().len(), answers, "{activity}");
    }
}

#[test]
fn thousands_of_spot_instances() {
    let mut pages = described(1500);
    for page in pages.as_array_mut().unwrap() {
        for instance in page["Reservations"][0]["Instances"].as_array_mut().unwrap() {
            instance["InstanceLifecycle"] = "spot".into();
            instance["SpotInstanceRequestId"] = "sir-1".into();
        }
    }
    // They are asked for twice: to be found, and for their requests.
    let pages = [pages.as_array().unwrap().as_slice(); 2].concat();
    let answers = json!({
        "ec2.DescribeInstances": pages,
        "ec2.CancelSpotInstanceRequests": [{}],
        "ec2.TerminateInstances": [{"TerminatingInstances": [{"InstanceId": "i-1"}]}],
    });
    let scene = Scene::new("ec2.stop_instances", json!({"instance_ids": ids(0..1500)}), answers);
    let expected: [(&str, &[usize]); 7] = [
        ("ec2.DescribeInstances", &[1000, 500]),
        ("ec2.DescribeInstances", &[1000]),
        ("ec2.CancelSpotInstanceRequests", &[0]),
        ("ec2.TerminateInstances", &[1000]),
        ("ec2.DescribeInstances", &[500]),
        ("ec2.CancelSpotInstanceRequests", &[0]),
        ("ec2.TerminateInstances", &[500]),
    ];
    assert_calls(scene, "&InstanceId.", &expected);
}

#[test]
fn thousands_of_tags() {
    let mut pages = described(1200);
    let both = [pages[0].take(), pages[1].take()].map(|page| page["Reservations"][0].clone());
    let answers = json!({
        "ec2.DescribeInstances": [{"Reservations": both}],
        "ec2.CreateTags": [{}],
        "ec2.DeleteTags": [{}],
    });
    for (activity, operation) in [
        ("ec2.set_tags_on_instances", "ec2.CreateTags"),
        ("ec2.remove_tags_from_instances", "ec2.DeleteTags"),
    ] {
        let scene = Scene::new(activity, json!({"tags": "a=b", "az": "us-east-1a"}), answers.clone());
        assert_calls(scene, "ResourceId.", &[("ec2.DescribeInstances", &[0]), (operation, &[1000, 200])]);
    }
}

#[test]
fn thousands_of_instances_of_a_group() {
    let healthy =
        |id: String| json!({"InstanceId": id, "LifecycleState": "InService", "AvailabilityZone": "a"});
    let instances: Vec<Value> = ids(0..1100).into_iter().map(healthy).collect();
    let answers = json!({
        "autoscaling.DescribeAutoScalingGroups":
            [{"AutoScalingGroups": [{"AutoScalingGroupName": "web", "Instances": instances}]}],
        "ec2.TerminateInstances": [{"TerminatingInstances": [{"InstanceId": "i-1"}]}],
        "ec2.StopInstances": [{"StoppingInstances": [{"InstanceId": "i-1"}]}],
    });
    for (activity, operation, key) in [
        ("asg.terminate_random_instances", "ec2.TerminateInstances", "TerminatingInstances"),
        ("asg.stop_random_instances", "ec2.StopInstances", "StoppingInstances"),
    ] {
        let scene = Scene::new(activity, json!({"asg_names": ["web"], "az": "a"}), answers.clone());
        let expected: [(&str, &[usize]); 2] =
            [("autoscaling.DescribeAutoScalingGroups", &[0]), (operation, &[1000, 100])];
        let output = assert_calls(scene, "InstanceId.", &expected);
        assert_eq!(output[0][key].as_array().unwrap().len(), 2, "{output}");
    }
}

#[test]
fn commands_for_more_instances_than_one_takes() {
    let answers = json!({"ssm.SendCommand": [
        {"Command": {"CommandId": "c-1"}}, {"Command": {"CommandId": "c-2"}}, {"Command": {"CommandId": "c-3"}},
    ]});
    let targets = json!([{"Key": "InstanceIds", "Values": ids(0..120)}]);
    let arguments = json!({"document_name": "AWS-RunShellScript", "targets": targets});
    let scene = Scene::new("ssm.send_command", arguments, answers);
    let output = assert_calls(scene, "\"i-", &[("ssm.SendCommand", &[50, 50, 20])]);
    assert_eq!(output["Command"]["CommandId"], "c-1");
    assert_eq!(output["Commands"][2]["CommandId"], "c-3");
}

#[test]
fn data_points_and_targets_of_rules_by_the_thousand() {
    let points: Vec<Value> =
        (0..1500).map(|number| json!({"MetricName": format!("m-{number}"), "Value": 1.0})).collect();
    let arguments = json!({"namespace": "chaos", "metric_data": points});
    let scene =
        Scene::new("cloudwatch.put_metric_data", arguments, json!({"cloudwatch.PutMetricData": [{}]}));
    let mut scene = scene;
    scene.run();
    let calls: Vec<String> = scene.calls("").into_iter().map(|(operation, _)| operation).collect();
    assert_eq!(calls, ["cloudwatch.PutMetricData", "cloudwatch.PutMetricData"]);

    let target = |number: usize| json!({"Id": format!("t-{number}"), "Arn": "arn:aws:sqs:us-east-1:1:q"});
    let targets: Vec<Value> = (0..25).map(target).collect();
    let failed = json!({"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "t-0"}]});
    let arguments = json!({"rule_name": "r", "targets": targets});
    let answers = json!({"events.PutTargets": [failed, {"FailedEntryCount": 0, "FailedEntries": []}]});
    let scene = Scene::new("cloudwatch.put_rule_targets", arguments, answers);
    let output = assert_calls(scene, "\"t-", &[("events.PutTargets", &[10, 10, 5])]);
    assert_eq!(output["FailedEntryCount"], 1);
    assert_eq!(output["FailedEntries"], json!([{"TargetId": "t-0"}]));
}

#[test]
fn the_second_of_three_thousands_is_refused() {
    let answers = json!({
        "ec2.DescribeInstances": described(2500),
        "ec2.StopInstances": [{"StoppingInstances": []}, refused("UnauthorizedOperation")],
    });
    let lines = [
        "UnauthorizedOperation",
        "some of it has happened",
        "carried out: StopInstances of i-00000, i-00001, ",
        "not carried out: StopInstances of i-01000, i-01001, ",
        "not tried: StopInstances of i-02000, i-02001, ",
    ];
    let progress = json!({
        "carried-out": [{"call": "StopInstances", "of": ids(0..1000)}],
        "failed": {"call": "StopInstances", "of": ids(1000..2000), "happened": "no"},
        "not-tried": [{"call": "StopInstances", "of": ids(2000..2500)}],
    });
    let mut scene = Scene::new("ec2.stop_instances", json!({"instance_ids": ids(0..2500)}), answers);
    scene.tells(&lines, &progress);
    let console = scene.run();
    assert!(console.contains("i-00009 and 990 more, which the journal names"), "{console}");
    assert!(scene.run_by_hand().contains("i-00999"), "no journal has them");
}

#[test]
fn no_group_is_hit_where_one_of_them_has_no_instance_in_the_zone() {
    let group = |name: &str, zone: &str| {
        let instance = json!({
            "InstanceId": format!("i-{name}"), "LifecycleState": "InService", "AvailabilityZone": zone,
        });
        let template = json!({"LaunchTemplateName": name, "Version": "$Latest"});
        json!({"AutoScalingGroupName": name, "Instances": [instance], "LaunchTemplate": template})
    };
    let groups = [group("web", "a"), group("db", "b"), group("api", "a")];
    let answers = json!({
        "autoscaling.DescribeAutoScalingGroups": [{"AutoScalingGroups": groups}],
        "ec2.TerminateInstances": [{"TerminatingInstances": [{"InstanceId": "i-web"}]}],
    });
    let arguments = json!({"asg_names": ["web", "db", "api"], "az": "a"});
    let lines = ["No instances found in Availability Zone: a", "nothing was changed"];
    Scene::new("asg.terminate_random_instances", arguments, answers).tells(&lines, &Value::Null);
}

/// Five groups to suspend, with these answers for each.
fn five_groups(answers: Value) -> Scene {
    let names = ["g-1", "g-2", "g-3", "g-4", "g-5"];
    let groups = names.map(|name| json!({"AutoScalingGroupName": name}));
    let answers = json!({
        "autoscaling.DescribeAutoScalingGroups": [{"AutoScalingGroups": groups}],
        "autoscaling.SuspendProcesses": answers,
    });
    let arguments = json!({"asg_names": names, "process_names": ["Launch"]});
    Scene::new("asg.suspend_processes", arguments, answers)
}

/// Two groups are suspended, the third one may be, and two are not.
fn third_of_five() -> (Vec<&'static str>, Value) {
    let lines = vec![
        "some of it has happened",
        "carried out: SuspendProcesses of g-1, g-2",
        "perhaps carried out: SuspendProcesses of g-3",
        "not tried: SuspendProcesses of g-4, g-5",
    ];
    let progress = json!({
        "carried-out": [{"call": "SuspendProcesses", "of": ["g-1", "g-2"]}],
        "failed": {"call": "SuspendProcesses", "of": ["g-3"], "happened": "maybe"},
        "not-tried": [{"call": "SuspendProcesses", "of": ["g-4", "g-5"]}],
    });
    (lines, progress)
}

fn interrupt(_: &Scene, child: &Child) {
    kill(pid(child), Signal::SIGINT).unwrap();
}

#[test]
fn ctrl_c_while_the_third_of_five_calls_is_under_way() {
    let (lines, progress) = third_of_five();
    let lines = [vec!["failed: cut by SIGINT"], lines].concat();
    five_groups(json!([{}, {}, "never"])).tells_cut(&[], 4, interrupt, &lines, &progress);
}

#[test]
fn a_timeout_while_the_third_of_five_calls_is_under_way() {
    let mut scene = five_groups(json!([{}, {}, "never"]));
    let (lines, progress) = third_of_five();
    let lines = [vec!["failed: the activity's timeout of 5.0s is over"], lines].concat();
    let console = said(scene.start_run(&json!({"timeout": 5}), &[]));
    assert!(in_turn(&console, &lines), "{console}\ndoes not tell {lines:#?}");
    scene.assert_recorded(&progress);
}

#[test]
fn a_hypothesis_that_fails_fast_while_the_third_of_five_calls_is_under_way() {
    let (lines, progress) = third_of_five();
    let lines = [vec!["failed: cut by a steady state that is not met"], lines].concat();
    let args = ["--hypothesis-strategy=continuously", "--hypothesis-frequency=0.2", "--fail-fast"];
    let break_it = |scene: &Scene, _: &Child| fs::write(scene.folder.path().join("broken"), "").unwrap();
    five_groups(json!([{}, {}, "never"])).tells_cut(&args, 4, break_it, &lines, &progress);
}

/// An activity of the user's own that waits after the second call.
const SLOWLY: &str = r#"
service: sqs
activities:
  purge:
    kind: action
    summary: Purge queues, one after the other.
    args:
      urls: {type: list, required: true, doc: The queues.}
    steps:
      - each: $urls
        item: url
        steps:
          - {call: PurgeQueue, with: {QueueUrl: $url}}
          - {pause: 600, when: "$url == 'q-2'"}
"#;

#[test]
fn ctrl_c_between_the_second_and_the_third_of_five_calls() {
    let arguments = json!({"urls": ["q-1", "q-2", "q-3", "q-4", "q-5"]});
    let mut scene = Scene::new("slowly.purge", arguments, json!({"sqs.PurgeQueue": [{}]}));
    let folder = scene.folder.path().join("fracas/aws");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("slowly.yaml"), SLOWLY).unwrap();
    let lines = [
        "failed: cut by SIGINT",
        "some of it has happened",
        "carried out: PurgeQueue of q-1, q-2\n",
        "not tried: PurgeQueue of q-3, q-4, q-5\n",
    ];
    let progress = json!({
        "carried-out": [{"call": "PurgeQueue", "of": ["q-1", "q-2"]}],
        "not-tried": [{"call": "PurgeQueue", "of": ["q-3", "q-4", "q-5"]}],
    });
    scene.tells_cut(&[], 2, interrupt, &lines, &progress);
}

#[test]
fn what_is_cut_before_it_changes_anything_did_not_happen() {
    let mut scene = five_groups(json!([{}]));
    scene.answers["autoscaling.DescribeAutoScalingGroups"] = json!(["never"]);
    let lines = ["failed: cut by SIGINT", "nothing was changed"];
    scene.tells_cut(&[], 1, interrupt, &lines, &Value::Null);
    assert_eq!(scene.records().0["happened"], "no");
}

#[test]
fn a_call_that_is_cut_while_its_effect_is_waited_for_has_happened() {
    let provider = json!({"provider": {
        "type": "aws", "service": "ec2", "operation": "stop_instances", "wait": "instance_stopped",
        "parameters": {"InstanceIds": ["i-1"]},
    }});
    let waiting = json!({"ec2.StopInstances": [{}], "ec2.DescribeInstances": ["never"]});
    let calling = json!({"ec2.StopInstances": ["never"]});
    for (answers, calls, happened) in [(waiting, 2, "yes"), (calling, 1, "maybe")] {
        let mut scene = Scene::new("", json!({}), answers);
        let mut child = scene.start_run(&provider, &[]);
        scene.wait_for(calls, &mut child);
        interrupt(&scene, &child);
        let console = said(child);
        let (journal, logged) = scene.records();
        assert_eq!(
            (&journal["happened"], &logged["happened"]),
            (&json!(happened), &json!(happened)),
            "{console}"
        );
        assert!(console.contains("failed: cut by SIGINT"), "{console}");
    }
}

#[test]
fn an_activity_by_hand_tells_what_a_signal_cut() {
    let lines = [vec!["cut by SIGINT"], third_of_five().0].concat();
    five_groups(json!([{}, {}, "never"])).tells_cut_by_hand(4, Signal::SIGINT, &lines);
    let mut looking = five_groups(json!([{}]));
    looking.answers["autoscaling.DescribeAutoScalingGroups"] = json!(["never"]);
    looking.tells_cut_by_hand(1, Signal::SIGTERM, &["cut by SIGTERM", "nothing was changed"]);
}

/// The run log has no word of single calls, but has the targets before the first of them.
#[test]
fn the_targets_of_a_killed_run_are_in_the_journal_of_its_recovery() {
    let arns = ["a", "b", "c"].map(|name| format!("arn:aws:ecs:us-east-1:1:task/web/{name}"));
    let answers = json!({
        "ecs.DescribeClusters": [{"clusters": [{"clusterName": "web"}]}],
        "ecs.ListTasks": [{"taskArns": arns}],
        "ecs.StopTask": [task("a"), "never"],
    });
    let arguments = json!({"cluster": "web", "task_count": 2, "seed": 7});
    let mut scene = Scene::new("ecs.stop_random_tasks", arguments, answers);
    let mut child = scene.start_run(&json!({}), &[]);
    scene.wait_for(4, &mut child);
    child.kill().unwrap();
    said(child);
    scene.fracas(&["recover", "last", "--runs-dir", "runs"]);
    let activity = activity_in(&scene.run_folder().join("journal.json"));
    assert_eq!(activity["happened"], "maybe");
    let order = [0, 2].map(|place: usize| arns[place].clone());
    assert_eq!(activity["choices"], json!([{"seed": 7, "of": 3, "chosen": order}]));
}
