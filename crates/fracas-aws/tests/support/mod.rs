//! What the tests of this crate share: Python, and a server that plays a script.

// Each test program uses a part of this.
#![allow(dead_code)]

use fracas_aws::{AssumeRole, Aws, Error, Scope, StaticCredentials};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

/// The Python that has boto3 and moto.
pub fn python() -> Command {
    Command::new(std::env::var("FRACAS_PYTHON").expect("run through `cargo xtask test`"))
}

/// A file beside this one.
pub fn support(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name)
}

/// Takes the JSON lines that a Python script prints, as they come.
pub fn each_python_line(script: &str, mut take: impl FnMut(Value)) {
    let mut command = python();
    command.arg(support(script)).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python runs");
    for line in BufReader::new(child.stdout.take().expect("piped")).lines() {
        take(serde_json::from_str(&line.expect("UTF-8")).expect("a JSON line"));
    }
    assert!(child.wait().expect("it ends").success(), "{script} failed");
}

/// The JSON lines that a Python script prints.
pub fn python_lines(script: &str) -> Vec<Value> {
    let mut lines = Vec::new();
    each_python_line(script, |line| lines.push(line));
    lines
}

/// A request that the server got.
#[derive(Debug, Clone)]
pub struct Received {
    /// Request line and headers, as sent.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Received {
    /// A header's value, or nothing.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or("")
    }
}

/// What the server does with a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Answers with a status and an XML body.
    Answer(u16, String),
    /// Writes this and closes.
    Raw(String),
    /// Closes without a word.
    Close,
}

/// A server on a port of its own, as long as the value lives.
pub struct Server {
    /// Its address, such as `http://127.0.0.1:4711`.
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// Answers each request as the function says; it is given how many came before.
    pub fn start(reply: impl Fn(&Received, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let seen = received.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming().map_while(Result::ok) {
                _ = serve(socket, &seen, &reply);
            }
        });
        Self { url, received }
    }

    /// Always answers with this status and body.
    pub fn answering(status: u16, body: &str) -> Self {
        let body = body.to_owned();
        Self::start(move |_, _| Reply::Answer(status, body.clone()))
    }

    /// Everything that came so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("not poisoned").clone()
    }
}

/// One request a connection.
fn serve(
    socket: TcpStream,
    seen: &Mutex<Vec<Received>>,
    reply: &impl Fn(&Received, usize) -> Reply,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(socket);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let mut received = Received { head, body: String::new() };
    let mut body = vec![0; received.header("content-length").parse().unwrap_or(0)];
    reader.read_exact(&mut body)?;
    received.body = String::from_utf8_lossy(&body).into_owned();
    let before = {
        let mut seen = seen.lock().expect("not poisoned");
        seen.push(received.clone());
        seen.len() - 1
    };
    let text = match reply(&received, before) {
        Reply::Answer(status, body) => format!(
            "HTTP/1.1 {status} Status\r\nContent-Type: text/xml\r\nX-Amzn-RequestId: req-{before}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        Reply::Raw(text) => text,
        Reply::Close => return Ok(()),
    };
    reader.get_mut().write_all(text.as_bytes())
}

/// What is done with the client in a process of its own: this very test program, started again
/// with another environment. Each test program has a test `child` that calls this.
pub fn child() {
    let Ok(steps) = std::env::var("FRACAS_TEST_STEPS") else { return };
    let steps = std::fs::read_to_string(steps).expect("a file");
    let steps: Vec<Value> = serde_json::from_str(&steps).expect("steps");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let aws = Aws::new();
        for step in &steps {
            let outcome = match take(&aws, step).await {
                Ok(value) => json!({"ok": value}),
                Err(error) => shown(&error),
            };
            println!("\n@@{outcome}");
        }
    });
}

fn shown(error: &Error) -> Value {
    json!({
        "error": error.to_string(),
        "class": error.python_class(),
        "sent": format!("{:?}", error.sent()),
        "code": error.code(),
        "message": error.message(),
        "request_id": error.request_id(),
        "status": error.status(),
        "help": error.help(),
    })
}

async fn take(aws: &Aws, step: &Value) -> Result<Value, Error> {
    let text = |key: &str| step[key].as_str().unwrap_or_default();
    let (scope, service, params) = (scope(&step["scope"]), text("service"), &step["params"]);
    match text("do") {
        "wait" => aws.wait(&scope, service, text("waiter"), params).await,
        "together" => {
            // Each may have a scope of its own.
            let [one, other] =
                [0, 1].map(|place| step["scopes"].get(place).map_or(scope.clone(), self::scope));
            let call = |scope| aws.call(scope, service, text("operation"), params);
            let (one, other) = tokio::join!(call(&one), call(&other));
            Ok(json!([one?, other?]))
        }
        "request" => {
            let request = aws.request(&scope, service, text("operation"), params).await?;
            Ok(json!({
                "method": request.method, "url": request.url, "headers": request.headers, "body": request.body,
            }))
        }
        "all" => aws.pages(&scope, service, text("operation"), params)?.all().await,
        _ => aws.call(&scope, service, text("operation"), params).await,
    }
}

fn scope(value: &Value) -> Scope {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let sure = |value: &Value| text(value).expect("text");
    let role = |role: &Value| AssumeRole {
        arn: sure(&role["arn"]),
        session_name: sure(&role["session_name"]),
        external_id: text(&role["external_id"]),
    };
    let keys = |keys: &Value| StaticCredentials {
        access_key_id: sure(&keys["access_key_id"]),
        secret_access_key: sure(&keys["secret_access_key"]),
        session_token: text(&keys["session_token"]),
    };
    Scope {
        region: text(&value["region"]),
        profile: text(&value["profile"]),
        assume_role: value.get("assume_role").map(role),
        credentials: value.get("credentials").map(keys),
        endpoint_url: None,
    }
}

/// The environment of a child: nothing of the machine's, no metadata service, a key and a region.
#[derive(Clone)]
pub struct Child {
    variables: Vec<(String, String)>,
    folder: PathBuf,
}

impl Child {
    /// A fresh environment, named after the test.
    pub fn new(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let child = Self { variables: Vec::new(), folder };
        let (config, keys) = (child.path("config"), child.path("credentials"));
        child
            .with("AWS_ACCESS_KEY_ID", "AKIDENV")
            .with("AWS_SECRET_ACCESS_KEY", "secret-of-the-environment")
            .with("AWS_REGION", "cn-north-1")
            .with("AWS_EC2_METADATA_DISABLED", "true")
            .with("AWS_CONFIG_FILE", &config)
            .with("AWS_SHARED_CREDENTIALS_FILE", &keys)
            .with("TZ", "UTC")
    }

    /// A file in the test's folder.
    pub fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Sets a variable.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// All variables, these among them.
    pub fn variables_with(&self, more: &[(&str, String)]) -> Vec<(String, String)> {
        more.iter().fold(self.clone(), |child, (name, value)| child.with(name, value)).variables
    }

    /// Takes a variable away.
    pub fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    /// Sets the address of all services.
    pub fn at(self, server: &Server) -> Self {
        self.with("AWS_ENDPOINT_URL", &server.url)
    }

    /// Writes `~/.aws/config`.
    pub fn config(self, text: &str) -> Self {
        std::fs::write(self.path("config"), text).expect("a file");
        self
    }

    /// Takes the steps with one client.
    pub fn run(&self, steps: &[Value]) -> Vec<Value> {
        let output = self.command(steps).output().expect("the child runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "the child failed: {text}\n{errors}");
        let lines = text.lines().filter_map(|line| line.strip_prefix("@@"));
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    fn command(&self, steps: &[Value]) -> Command {
        std::fs::write(self.path("steps.json"), Value::from(steps).to_string()).expect("a file");
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command
            .args(["--exact", "child", "--nocapture", "--test-threads=1"])
            .env_clear()
            .envs(self.variables.iter().cloned())
            .env("FRACAS_TEST_STEPS", self.path("steps.json"));
        command
    }

    /// The variables, `--`, and the command that takes the steps, for those who start it themselves.
    pub fn command_line(&self, steps: &[Value]) -> Vec<String> {
        let command = self.command(steps);
        let text = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
        let variables =
            command.get_envs().filter_map(|(name, value)| Some(format!("{}={}", text(name), text(value?))));
        let words = std::iter::once(command.get_program()).chain(command.get_args()).map(text);
        variables.chain(std::iter::once("--".to_owned())).chain(words).collect()
    }

    /// Takes one step.
    pub fn step(&self, step: Value) -> Value {
        self.run(&[step]).remove(0)
    }

    /// Lists docdb's clusters.
    pub fn describe(&self) -> Value {
        self.step(describe())
    }
}

/// The step that lists docdb's clusters.
pub fn describe() -> Value {
    json!({"service": "docdb", "operation": "DescribeDBClusters", "params": {}})
}

/// An answer to [`describe`] without any cluster.
pub fn no_clusters() -> String {
    "<DescribeDBClustersResponse><DescribeDBClustersResult><DBClusters/></DescribeDBClustersResult>\
     <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DescribeDBClustersResponse>"
        .to_owned()
}

/// An error answer of the query protocol.
pub fn error_answer(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>error-id</RequestId></ErrorResponse>"
    )
}
