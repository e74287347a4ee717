//! Activities of the user's own: files beside the experiment, then those of the user's configuration.
//!
//! They are read once, before the first activity is looked up, and come before the ones inside the
//! binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use fracas_engine::load_text;
use fracas_model::{ActivityKind, Format, Problem, Problems, Source};

use super::{Catalogue, File, find, read, verify};

/// Where the files are, below a folder.
const FOLDER: &str = "fracas/aws";

static OWN: OnceLock<Vec<File>> = OnceLock::new();

/// The files that were taken in.
pub(super) fn files() -> impl Iterator<Item = &'static File> {
    OWN.get().into_iter().flatten()
}

/// How many activities of the user's own there are.
pub fn count() -> usize {
    files().map(|file| file.catalogue().activities.len()).sum()
}

/// Takes in the files in `fracas/aws` of each of these folders; of two activities with the same name
/// the first counts. Only the first call has an effect.
///
/// # Errors
///
/// All that is wrong with them, file by file.
pub fn take_in(folders: &[PathBuf]) -> Result<(), Vec<(Source, Problems)>> {
    let mut files: Vec<File> = Vec::new();
    let mut wrong = Vec::new();
    let folders: Vec<PathBuf> = folders.iter().map(|folder| folder.join(FOLDER)).collect();
    for path in folders.iter().flat_map(|folder| paths(folder)) {
        match file(&path, &folders, &files) {
            Ok(file) => files.push(file),
            Err(found) => wrong.push(found),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let _ = OWN.set(files);
    Ok(())
}

/// The YAML files of a folder, by name; none where there is no such folder.
fn paths(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    paths.sort();
    paths
}

/// Reads a file and holds it against the models and the files before it.
fn file(path: &Path, folders: &[PathBuf], before: &[File]) -> Result<File, (Source, Problems)> {
    let name = path.display().to_string();
    let source = |text| Source { name: name.clone(), text, format: Format::Yaml };
    let text = load_text(path).map_err(|problem| (source(String::new()), problem.into()))?;
    let (catalogue, mut problems) = match checked(&text, folders) {
        Ok(checked) => checked,
        Err(problems) => return Err((source(text), problems)),
    };
    let package = package_of(path);
    problems.0.extend(no_package(&package, path));
    problems.0.append(&mut replaced(&package, &catalogue, before).0);
    if problems.has_errors() {
        return Err((source(text), problems.sorted()));
    }
    Ok(File::own(&package, catalogue))
}

/// A package is what activities are called after, up to the first dot.
fn no_package(name: &str, path: &Path) -> Option<Problem> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let is_one = !name.is_empty() && name.chars().all(allowed);
    let message = format!("no experiment can call what is in `{}`", path.display());
    (!is_one).then(|| Problem::general(message).help("name the file with letters, digits, `_` and `-` only"))
}

fn package_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a file with this text declares, beside the others in its folder.
///
/// # Errors
///
/// Every mistake in it, the disagreements with the services' models included.
pub fn check(path: &Path, text: &str) -> Result<Catalogue, Problems> {
    let whole = path.canonicalize().unwrap_or(path.to_owned());
    let folder = whole.parent().unwrap_or(Path::new("")).to_owned();
    let is_own = folder.ends_with(FOLDER);
    let (catalogue, mut problems) = checked(text, &[folder])?;
    if is_own {
        problems.0.extend(no_package(&package_of(path), path));
        problems.0.append(&mut replaced(&package_of(path), &catalogue, &[]).0);
    }
    if problems.has_errors() { Err(problems.sorted()) } else { Ok(catalogue) }
}

fn checked(text: &str, folders: &[PathBuf]) -> Result<(Catalogue, Problems), Problems> {
    let (catalogue, mut problems) = read::read(text)?;
    let is_action = |package: &str, name: &str| {
        find(package, name, ActivityKind::Action).is_some()
            || folders.iter().any(|folder| has_action(folder, package, name))
    };
    problems.0.append(&mut verify(&catalogue, &is_action).0);
    Ok((catalogue, problems))
}

/// Whether a package of a folder has this action; what is wrong with its file is told where that is read.
fn has_action(folder: &Path, package: &str, name: &str) -> bool {
    let files = paths(folder).into_iter().filter(|path| package_of(path) == package);
    let texts = files.filter_map(|path| load_text(&path).ok());
    let mut catalogues = texts.filter_map(|text| read::read(&text).ok());
    catalogues.any(|(catalogue, _)| catalogue.activity(name, ActivityKind::Action).is_some())
}

/// Activities that take the place of others have to say so.
fn replaced(package: &str, catalogue: &Catalogue, before: &[File]) -> Problems {
    let mut problems = Problems::default();
    let inside = super::FILES.iter().filter(|file| file.package == package);
    for activity in &catalogue.activities {
        let known = |file: &File| file.catalogue().activity(&activity.name, activity.kind).is_some();
        let is_inside = inside.clone().any(known);
        let is_hidden = before.iter().any(|file| file.package == package && known(file));
        let problem = match (is_inside, activity.replaces) {
            _ if is_hidden => continue,
            (true, false) => {
                Problem::error(activity.span, format!("fracas has an activity `{package}.{}`", activity.name))
                    .help("say `replaces: true` if this one is to take its place")
            }
            (false, true) => {
                let message = format!("there is no activity `{package}.{}` to replace", activity.name);
                Problem::error(activity.span, message).help("leave `replaces` out")
            }
            _ => continue,
        };
        problems.push(problem);
    }
    problems
}
