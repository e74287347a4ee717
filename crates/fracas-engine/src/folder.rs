//! The folder of a run: its run log, its experiment and its journal.
//!
//! ```text
//! RUNS_DIR/20231013-102453-090984/
//!     events.jsonl         the run log, one event a line, locked while the run goes on
//!     experiment.json      the experiment as loaded (or .yaml)
//!     changed.json         the experiment as controls have changed it, if they have
//!     configuration.json   the configuration as it was resolved
//!     configuration.jsonl  what has changed in it since, one change a line: names, and the value of
//!                          each in a list, which is empty when the name was taken away
//!     journal.json         the journal, once the run has ended or was recovered
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use fracas_model::{Durability, Format, Journal, Moment, Problem, Source, Stamped, write_python_json};
use serde::Serialize;
use serde_json::{Map, Value};

const EVENTS: &str = "events.jsonl";
const JOURNAL: &str = "journal.json";
const CONFIGURATION: &str = "configuration.json";
const CONFIGURATION_CHANGES: &str = "configuration.jsonl";
const CHANGED: &str = "changed.json";

/// The folder of one run. Only its owner may look inside: an experiment may hold secrets.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

/// A run log open for writing. Dropping it, or dying, lets go of its lock.
#[derive(Debug)]
pub struct RunLog {
    file: File,
    /// How many bytes its whole lines fill.
    length: u64,
}

/// A folder in the making: it gets its name when its first event is on disk, so that every run
/// that can be seen has begun.
pub struct NewRun {
    /// The id that the run will have.
    pub id: String,
    runs_dir: PathBuf,
    draft: PathBuf,
    log: RunLog,
    /// The experiment and its configuration.
    kept: [File; 2],
}

impl NewRun {
    /// Begins the folder of a run that starts now, and keeps what a recovery needs in it: the
    /// experiment and its configuration, both unmasked.
    ///
    /// # Errors
    ///
    /// The folder cannot be made or written.
    pub fn create(
        runs_dir: &Path,
        source: &Source,
        configuration: &Map<String, Value>,
        now: Moment,
    ) -> io::Result<NewRun> {
        DirBuilder::new().recursive(true).mode(0o700).create(runs_dir)?;
        let runs_dir = runs_dir.canonicalize()?;
        let (id, draft) = unused_draft(&runs_dir, now)?;
        let experiment = draft.join(format!("experiment.{}", source.format.extension()));
        let experiment = written(&experiment, source.text.as_bytes())?;
        let configuration = written(&draft.join(CONFIGURATION), &serde_json::to_vec_pretty(configuration)?)?;
        let log = RunLog { file: private_file(&draft.join(EVENTS))?, length: 0 };
        log.file.try_lock()?;
        Ok(NewRun { id, runs_dir, draft, log, kept: [experiment, configuration] })
    }

    /// Writes the first event and gives the folder its name; on disk before it returns, unless the
    /// experiment waives that.
    ///
    /// # Errors
    ///
    /// The event cannot be written: the run must not begin.
    pub fn begin(mut self, first: &Stamped, durability: Durability) -> io::Result<(RunFolder, RunLog)> {
        self.log.append(first)?;
        let surely = durability == Durability::Disk;
        if surely {
            self.kept.iter().try_for_each(File::sync_data)?;
            self.log.sync()?;
        }
        let path = self.runs_dir.join(&self.id);
        fs::rename(&self.draft, &path)?;
        if surely {
            File::open(&self.runs_dir)?.sync_all()?;
        }
        Ok((RunFolder { path }, self.log))
    }
}

fn no_runs(runs_dir: &Path) -> Problem {
    Problem::general(format!("there are no runs in {}", runs_dir.display()))
        .help("name another folder with --runs-dir")
}

/// Ids are the time of day, so that they sort; two runs in one microsecond differ by counting on.
fn unused_draft(runs_dir: &Path, now: Moment) -> io::Result<(String, PathBuf)> {
    for later in 0..1000 {
        let moment = Moment::from_micros(now.as_micros() + later);
        let micros = moment.as_micros().rem_euclid(1_000_000);
        let id = format!("{}-{micros:06}", moment.timestamp().strftime("%Y%m%d-%H%M%S"));
        let draft = runs_dir.join(format!(".{id}"));
        if runs_dir.join(&id).exists() {
            continue;
        }
        match DirBuilder::new().mode(0o700).create(&draft) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            made => return made.map(|()| (id, draft)),
        }
    }
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many runs begin at this moment"))
}

fn keep(path: &Path, content: &[u8]) -> io::Result<()> {
    written(path, content)?.sync_data()
}

fn written(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut file = private_file(path)?;
    file.write_all(content)?;
    Ok(file)
}

fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().create_new(true).append(true).mode(0o600).open(path)
}

/// Counts what is written to a file.
struct Counted<'a> {
    file: &'a File,
    count: u64,
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl RunLog {
    /// Hands an event, or what else is kept in lines, to the operating system, as one line.
    ///
    /// # Errors
    ///
    /// The line could not be written in full; nothing of it is left.
    pub fn append(&mut self, event: &impl Serialize) -> io::Result<()> {
        // Small lines are one write, and large ones are never whole in memory.
        let mut writer = BufWriter::new(Counted { file: &self.file, count: 0 });
        let written = serde_json::to_writer(&mut writer, event)
            .map_err(io::Error::from)
            .and_then(|()| writer.write_all(b"\n"))
            .and_then(|()| writer.flush());
        // Without what could not be written: dropping the writer would try again.
        let (counted, _) = writer.into_parts();
        match written {
            Ok(()) => self.length += counted.count,
            Err(error) => {
                // Later lines must not follow half of this one, or the log could not be read.
                self.file.set_len(self.length)?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Cuts off what follows the first `good` bytes: the unfinished line of a process that died.
    ///
    /// # Errors
    ///
    /// The file cannot be cut.
    pub fn cut_after(&mut self, good: u64) -> io::Result<()> {
        self.length = good;
        if self.file.metadata()?.len() > good { self.file.set_len(good) } else { Ok(()) }
    }

    /// Brings everything written so far to the disk.
    ///
    /// # Errors
    ///
    /// The disk did not take it.
    pub fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }
}

impl RunFolder {
    /// All runs of a folder, oldest first. A folder that does not exist has none.
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn list(runs_dir: &Path) -> io::Result<Vec<RunFolder>> {
        let entries = match fs::read_dir(runs_dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut folders = Vec::new();
        for entry in entries {
            let folder = RunFolder { path: entry?.path() };
            if !folder.id().starts_with('.') && folder.path.join(EVENTS).exists() {
                folders.push(folder);
            }
        }
        folders.sort_by_key(RunFolder::id);
        Ok(folders)
    }

    /// The run of this id, of this unique beginning of one, or the `last`.
    ///
    /// # Errors
    ///
    /// There is no such run, or there are several.
    pub fn find(runs_dir: &Path, name: &str) -> Result<RunFolder, Problem> {
        let folders = RunFolder::list(runs_dir).map_err(|error| {
            Problem::general(format!("cannot read the runs in {}: {error}", runs_dir.display()))
        })?;
        if name == "last" {
            return folders.into_iter().next_back().ok_or_else(|| no_runs(runs_dir));
        }
        let mut matching: Vec<RunFolder> =
            folders.into_iter().filter(|folder| !name.is_empty() && folder.id().starts_with(name)).collect();
        if let Some(exact) = matching.iter().position(|folder| folder.id() == name) {
            return Ok(matching.swap_remove(exact));
        }
        match matching.len() {
            1 => Ok(matching.swap_remove(0)),
            0 => Err(Problem::general(format!("no run in {} begins with `{name}`", runs_dir.display()))
                .help("see `fracas runs` for the ids")),
            several => {
                Err(Problem::general(format!("{several} runs begin with `{name}`"))
                    .help("give more of the id"))
            }
        }
    }

    /// The run's id.
    pub fn id(&self) -> String {
        self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Where the folder is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the run's journal is kept.
    pub fn journal_path(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// The experiment as it was played last.
    ///
    /// # Errors
    ///
    /// It is missing or unreadable.
    pub fn experiment(&self) -> Result<Source, Problem> {
        let formats = [Format::Json, Format::Yaml];
        let loaded = formats.map(|format| self.path.join(format!("experiment.{}", format.extension())));
        let changed = self.path.join(CHANGED);
        let path = [&changed].into_iter().chain(&loaded).find(|path| path.exists()).unwrap_or(&loaded[0]);
        crate::load_file(&path.to_string_lossy())
    }

    /// The configuration as it is now, for whoever holds the lock: an unfinished last change is the
    /// mark of a death, and is cut off.
    ///
    /// # Errors
    ///
    /// It is missing or unreadable.
    pub fn configuration(&self) -> io::Result<Map<String, Value>> {
        let mut configuration: Map<String, Value> =
            serde_json::from_slice(&fs::read(self.path.join(CONFIGURATION))?)?;
        let path = self.path.join(CONFIGURATION_CHANGES);
        let mut changes = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(configuration),
            changes => changes?,
        };
        let good = changes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if good < changes.len() {
            changes.truncate(good);
            OpenOptions::new().write(true).open(path)?.set_len(good as u64)?;
        }
        for change in serde_json::Deserializer::from_slice(&changes).into_iter::<Vec<(String, Vec<Value>)>>()
        {
            for (name, mut value) in change? {
                match value.pop() {
                    Some(value) => drop(configuration.insert(name, value)),
                    None => drop(configuration.shift_remove(&name)),
                }
            }
        }
        Ok(configuration)
    }

    /// Keeps what has changed in the configuration, none for what was taken away: all of it or
    /// nothing. What it costs does not depend on how much configuration there is.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn keep_configuration(&self, changes: &[(String, Option<Value>)]) -> io::Result<()> {
        let path = self.path.join(CONFIGURATION_CHANGES);
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let length = file.metadata()?.len();
        let changes: Vec<(&str, &[Value])> =
            changes.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let mut log = RunLog { file, length };
        log.append(&changes)?;
        log.sync()
    }

    /// Keeps the experiment as it is now, beside the one that was loaded: all of it or nothing.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn keep_experiment(&self, experiment: &Value) -> io::Result<()> {
        self.replace(CHANGED, &serde_json::to_vec_pretty(experiment)?)
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let draft = self.path.join(format!(".{name}"));
        // What an earlier try left behind.
        let _ = fs::remove_file(&draft);
        keep(&draft, content)?;
        fs::rename(draft, self.path.join(name))
    }

    /// Reads the run log, event by event. An unfinished or unreadable last line is left out.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or a line before the last is no event.
    pub fn events(&self) -> io::Result<Events> {
        let path = self.path.join(EVENTS);
        Ok(Events { reader: BufReader::new(File::open(&path)?), path, line: 0, good: 0 })
    }

    /// Whether a process is writing the run log now.
    ///
    /// # Errors
    ///
    /// The run log cannot be opened.
    pub fn is_running(&self) -> io::Result<bool> {
        match File::open(self.path.join(EVENTS))?.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Opens the run log to go on writing. None when another process is writing it.
    ///
    /// # Errors
    ///
    /// The run log cannot be opened.
    pub fn lock(&self) -> io::Result<Option<RunLog>> {
        let file = OpenOptions::new().append(true).open(self.path.join(EVENTS))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Ok(None),
            other => {
                other?;
                let length = file.metadata()?.len();
                Ok(Some(RunLog { file, length }))
            }
        }
    }

    /// Keeps the journal in the folder: all of it or nothing.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn write_journal(&self, journal: &Journal) -> io::Result<()> {
        let draft = self.path.join(".journal.json");
        let written = write_journal(&draft, journal).and_then(|()| fs::rename(&draft, self.journal_path()));
        if written.is_err() {
            // Half a journal is of no use to anybody.
            let _ = fs::remove_file(draft);
        }
        written
    }
}

/// Writes a journal to a path, replacing what was there.
///
/// # Errors
///
/// It cannot be written.
pub fn write_journal(path: &Path, journal: &Journal) -> io::Result<()> {
    let mut writer = BufWriter::new(anew(path)?);
    write_python_json(&mut writer, journal)?;
    writer.flush()
}

/// A file that is written anew, in its place, so that permissions stay. While it is open, other runs that end at the
/// same time wait for a second with theirs, or the file would hold parts of two journals.
pub(crate) fn anew(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
    for _ in 0..100 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(10)),
            // What cannot be locked, such as a pipe, is written all the same.
            Ok(()) | Err(TryLockError::Error(_)) => break,
        }
    }
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}

/// The events of a run log, in order.
pub struct Events {
    reader: BufReader<File>,
    path: PathBuf,
    line: usize,
    good: u64,
}

impl Events {
    /// How many bytes the events read so far fill, from the start of the file.
    pub fn good(&self) -> u64 {
        self.good
    }
}

impl Iterator for Events {
    type Item = io::Result<Stamped>;

    fn next(&mut self) -> Option<io::Result<Stamped>> {
        self.line += 1;
        let mut line = Vec::new();
        match self.reader.read_until(b'\n', &mut line) {
            Err(error) => return Some(Err(error)),
            Ok(_) if line.last() != Some(&b'\n') => return None,
            Ok(_) => {}
        }
        match serde_json::from_slice(&line) {
            Ok(event) => {
                self.good += line.len() as u64;
                Some(Ok(event))
            }
            Err(_) if self.reader.fill_buf().is_ok_and(<[u8]>::is_empty) => None,
            Err(error) => {
                let message = format!("line {} of {} is no event: {error}", self.line, self.path.display());
                Some(Err(io::Error::new(io::ErrorKind::InvalidData, message)))
            }
        }
    }
}
