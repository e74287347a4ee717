//! Activities of the catalogue that fail in the middle of several calls: the console, the journal, the run log and
//! `fracas activity run` tell which calls were carried out on what, which one failed, and what was not tried.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::fracas;
use support::peer::Peer;
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
        self.peer.ask(&json!({"answers": {"answers": self.answers}}));
        let Output { stderr, .. } = Command::new(fracas())
            .args(args)
            .current_dir(&self.folder)
            .env_clear()
            .envs([
                ("AWS_ENDPOINT_URL", self.peer.endpoint.as_str()),
                ("AWS_ACCESS_KEY_ID", "AKID"),
                ("AWS_SECRET_ACCESS_KEY", "secret"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_MAX_ATTEMPTS", "2"),
            ])
            .env("HOME", self.folder.path())
            .output()
            .unwrap();
        String::from_utf8(stderr).unwrap()
    }

    /// The activity as the method of an experiment.
    fn run(&mut self) -> String {
        let provider = json!({"type": "aws", "activity": self.activity, "arguments": self.arguments});
        let experiment = json!({
            "title": "t", "description": "d", "method": [{"type": "action", "name": "it", "provider": provider}],
        });
        fs::write(self.folder.path().join("experiment.json"), experiment.to_string()).unwrap();
        self.fracas(&["run", "--runs-dir", "runs", "experiment.json"])
    }

    fn run_by_hand(&mut self) -> String {
        let arguments = self.arguments.as_object().unwrap();
        let arguments: Vec<String> =
            arguments.iter().map(|(name, value)| format!("--arg={name}={value}")).collect();
        let mut args = vec!["activity", "run", self.activity];
        args.extend(arguments.iter().map(String::as_str));
        self.fracas(&args)
    }

    /// What the journal says of the activity, and the run log of its end.
    fn records(&self) -> (Value, Value) {
        let journal = fs::read_to_string(self.folder.path().join("journal.json")).unwrap();
        let journal: Value = serde_json::from_str(&journal).unwrap();
        let runs = fs::read_dir(self.folder.path().join("runs")).unwrap();
        let run: Vec<PathBuf> =
            runs.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect();
        let log = fs::read_to_string(run[0].join("events.jsonl")).unwrap();
        let events = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let end = events.into_iter().find(|event| !event["error"].is_null()).unwrap();
        (journal["run"][0].clone(), end)
    }

    /// Plays it in both ways: people have to read these lines, one after the other, and journal and run log have to say the same.
    fn tells(&mut self, lines: &[&str], progress: &Value) {
        let (console, by_hand) = (self.run(), self.run_by_hand());
        assert!(in_turn(&console, lines), "{console}\ndoes not tell {lines:#?}");
        assert!(in_turn(&by_hand, lines), "{by_hand}\ndoes not tell {lines:#?}");
        let (journal, logged) = self.records();
        assert_eq!((&journal["progress"], &journal["happened"]), (progress, &logged["happened"]));
        assert_eq!(&logged["progress"], progress);
    }
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
    let calls = scene.peer.ask(&json!({"calls": true}));
    assert_eq!(calls["calls"].as_array().unwrap().len(), 6, "the throttled call is tried again once");
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
    Scene::new("asg.suspend_processes", arguments, answers).tells(&lines, &progress);
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
