//! Reads rule files from the folders and files that the user names. What cannot be read is a problem of its own; a path that
//! does not exist at all is an error.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::detect::load::MAX_RULE_FILE;
use crate::detect::{RuleFile, RuleProblem};

/// How deep folders are followed (links may go in circles).
const MAX_DEPTH: usize = 16;
/// How many files are read at most.
const MAX_FILES: usize = 50_000;

/// A path that cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("rules: {path}: {source}")]
pub struct RulePathError {
    /// The path.
    path: String,
    /// Why.
    source: std::io::Error,
}

/// Reads all rule files under the paths, in order of their names.
pub fn read(paths: &[PathBuf]) -> Result<(Vec<RuleFile>, Vec<RuleProblem>), RulePathError> {
    let mut files = Vec::new();
    let mut problems = Vec::new();
    for path in paths {
        let mut found = Vec::new();
        let metadata = std::fs::metadata(path).map_err(|source| failed(path, source))?;
        if metadata.is_dir() {
            walk(path, MAX_DEPTH, &mut found).map_err(|source| failed(path, source))?;
        } else {
            found.push(path.clone());
        }
        found.sort();
        for path in found {
            match read_one(&path) {
                Ok(file) => files.push(file),
                Err(reason) => problems.push(RuleProblem::of_file(path.display().to_string(), reason)),
            }
        }
    }
    Ok((files, problems))
}

fn failed(path: &Path, source: std::io::Error) -> RulePathError {
    RulePathError { path: path.display().to_string(), source }
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if is_hidden || found.len() >= MAX_FILES {
            continue;
        }
        if path.is_dir() {
            if depth > 0 {
                // A subfolder that may not be read hides its own files only.
                let _ = walk(&path, depth - 1, found);
            }
        } else if path.extension().is_some_and(|extension| ["yml", "yaml", "toml", "eql"].iter().any(|own| extension == *own)) {
            found.push(path);
        }
    }
    Ok(())
}

fn read_one(path: &Path) -> Result<RuleFile, String> {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(MAX_RULE_FILE as u64 + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_RULE_FILE {
        return Err(format!("longer than {MAX_RULE_FILE} bytes"));
    }
    let text = String::from_utf8(bytes).map_err(|error| format!("not UTF-8: {error}"))?;
    Ok(RuleFile { origin: path.display().to_string(), text })
}
