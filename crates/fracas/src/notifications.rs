//! Tells the channels of the settings what goes on: servers, and functions in Python.
//!
//! Source: `chaoslib.notification`. Whatever goes wrong stops nothing.

use std::io;

use fracas_engine::{Changes, Context, Provider, Stop, Tell, Values, activity_of};
use fracas_model::{Choice, Level, Node};
use fracas_providers::Http;
use serde_json::{Map, Value, json};

use crate::session::Session;
use crate::terminal::now;

/// Seconds to connect to a server, and to wait for each part of its answer.
const TIMEOUT: [f64; 2] = [2.0, 5.0];

/// A channel of the settings.
pub type Channel = Map<String, Value>;

/// An error of Chaos Toolkit's: servers are told of it in words, functions get it as an exception.
#[derive(Clone, Copy)]
pub struct Raised<'a> {
    /// Its class, of `chaoslib.exceptions`.
    pub class: &'static str,
    /// What it says.
    pub message: &'a str,
}

impl Session {
    /// Tells every channel that wants to know of an event such as `run-started`, one after the
    /// other, what goes with it, and what went wrong. The payload is only made if one does.
    pub async fn notify(&self, event: &str, payload: impl FnOnce() -> Value, error: Option<Raised<'_>>) {
        let wanted: Vec<&Channel> = self.channels.iter().filter(|channel| wants(channel, event)).collect();
        if wanted.is_empty() {
            return;
        }
        let note = note(event, payload(), error);
        for channel in wanted {
            if let Err(why) = self.tell(channel, &note, error).await {
                self.aside(&why);
            }
        }
    }

    async fn tell(&self, channel: &Channel, note: &Value, error: Option<Raised<'_>>) -> Result<(), String> {
        match channel.get("type").and_then(Value::as_str) {
            Some("http") => call_server(channel, note).await,
            Some("plugin") => self.call_function(channel, note, error),
            _ => Ok(()),
        }
    }

    fn call_function(
        &self,
        channel: &Channel,
        note: &Value,
        error: Option<Raised<'_>>,
    ) -> Result<(), String> {
        let error = error.map(|Raised { class, message }| [class, message]);
        let question = json!({"op": "notify", "channel": channel, "payload": note, "error": error});
        self.ask_python(&question).map(drop).map_err(|unanswered| unanswered.message().to_owned())
    }
}

/// A channel that names no events wants all of them.
fn wants(channel: &Channel, event: &str) -> bool {
    match channel.get("events") {
        Some(Value::Array(events)) if !events.is_empty() => events.iter().any(|wanted| wanted == event),
        Some(Value::String(events)) if !events.is_empty() => events.contains(event),
        _ => true,
    }
}

fn note(event: &str, payload: Value, error: Option<Raised<'_>>) -> Value {
    let phase = event.split('-').next();
    let seconds = now().timestamp().as_microsecond() as f64 / 1e6;
    let mut note = json!({"name": event, "payload": payload, "phase": phase, "ts": seconds});
    if let (Some(Raised { class, message }), Some(note)) = (error, note.as_object_mut()) {
        note.insert("error".to_owned(), format!("An exception was raised: {class}('{message}')").into());
    }
    note
}

/// Sends a note, as an http activity would.
async fn call_server(channel: &Channel, note: &Value) -> Result<(), String> {
    let Some(url) = channel.get("url").and_then(Value::as_str).filter(|url| !url.is_empty()) else {
        return Err("missing url in notification channel".to_owned());
    };
    let action = json!({"type": "action", "name": "notify", "provider": request(channel, url, note)});
    let (activity, problems) = activity_of(&Node::from(&action));
    let activity = activity.ok_or_else(|| match problems.0.into_iter().next() {
        Some(problem) => format!("failed calling notification endpoint: {}", problem.message),
        None => "failed calling notification endpoint".to_owned(),
    })?;
    let context =
        Context { values: &Values::default(), policy: &Default::default(), tell: &Silence, place: "" };
    let output = Http::new().carry_out(&activity, &context).await;
    let output =
        output.map_err(|failure| format!("failed calling notification endpoint: {}", failure.error))?;
    match output.get("status").and_then(Value::as_u64) {
        Some(status) if status >= 400 => Err(format!("notification sent to {url} failed with: {status}")),
        _ => Ok(()),
    }
}

fn request(channel: &Channel, url: &str, note: &Value) -> Value {
    let forward = channel.get("forward_event_payload").is_none_or(fracas_model::python::truth);
    let mut headers = channel.get("headers").and_then(Value::as_object).cloned().unwrap_or_default();
    headers.values_mut().for_each(escape);
    let mut url = url.into();
    escape(&mut url);
    let mut request = json!({"type": "http", "url": url, "timeout": TIMEOUT});
    if let Some(verify) = channel.get("verify_tls") {
        request["verify_tls"] = verify.clone();
    }
    if forward {
        headers.retain(|name, _| !name.eq_ignore_ascii_case("content-type"));
        headers.insert("Content-Type".to_owned(), "application/json".into());
        request["method"] = "POST".into();
        request["arguments"] = note.clone();
    }
    request["headers"] = headers.into();
    request
}

/// Nothing is substituted in the settings: each `$` is meant.
fn escape(value: &mut Value) {
    if let Value::String(text) = value {
        *text = text.replace('$', "$$");
    }
}

/// Notifications are no part of the run that they tell about.
struct Silence;

impl Tell for Silence {
    fn log(&self, _: Level, _: String) {}

    fn process_started(&self, _: u32) -> io::Result<()> {
        Ok(())
    }

    fn chose(&self, _: Choice) -> io::Result<()> {
        Ok(())
    }

    fn stop(&self, _: Stop) {}

    fn changed(&self, _: Changes) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(value: Value) -> Channel {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn channels_want_what_they_name() {
        let wanting = |events: Value| wants(&channel(json!({"events": events})), "run-failed");
        assert!(wanting(json!(["run-failed"])) && wanting(json!([])) && wanting(Value::Null));
        assert!(!wanting(json!(["run-started"])));
        assert!(wants(&channel(json!({})), "run-failed"));
    }

    #[test]
    fn notes_say_what_and_when() {
        let raised = Raised { class: "InvalidExperiment", message: "no method" };
        let note = note("validate-failed", json!({"title": "x"}), Some(raised));
        assert_eq!(note["name"], "validate-failed");
        assert_eq!(note["phase"], "validate");
        assert_eq!(note["error"], "An exception was raised: InvalidExperiment('no method')");
        assert!(note["ts"].as_f64().unwrap() > 1.6e9);
    }

    #[test]
    fn requests_are_posts_unless_the_note_stays_here() {
        let given = json!({"headers": {"content-type": "x", "a": "$b"}, "verify_tls": false});
        let post = request(&channel(given), "http://x/$1", &json!(1));
        assert_eq!(
            post,
            json!({
                "type": "http", "url": "http://x/$$1", "timeout": [2.0, 5.0], "verify_tls": false,
                "method": "POST", "arguments": 1,
                "headers": {"a": "$$b", "Content-Type": "application/json"},
            })
        );
        let get = request(&channel(json!({"forward_event_payload": false})), "http://x/", &json!(1));
        assert_eq!(get, json!({"type": "http", "url": "http://x/", "timeout": [2.0, 5.0], "headers": {}}));
    }
}
