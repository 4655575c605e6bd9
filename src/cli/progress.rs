//! What was solved in the lab: one small file in the user's data directory, by the platform's convention. It holds the
//! ids of scenarios and their best scores, and nothing else.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::guide::quiz::Score;

/// The form of the file.
const SCHEMA: &str = "ehlo-lab/1";
/// Largest file that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// Why what was solved is not kept, or not known.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// The platform has no such directory for this user.
    #[error("what you solve is not kept: this user has no data directory")]
    NoPlace,
    /// The file cannot be read or written.
    #[error("what you solve is not kept: {path}: {source}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not of a kind that this version knows.
    #[error("the list of what you solved is damaged and begins anew: {path}", path = path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// A later version wrote the file.
    #[error("what you solve is not kept: {path} was written by a later version of ehlo", path = path.display())]
    Later {
        /// Which.
        path: PathBuf,
    },
}

#[derive(Serialize, Deserialize)]
struct File {
    schema: String,
    solved: BTreeMap<String, Score>,
}

/// The file, where the platform has a place for it.
///
/// # Errors
/// [`ProgressError::NoPlace`].
pub fn place() -> Result<PathBuf, ProgressError> {
    dirs::data_dir().map(|folder| folder.join("ehlo").join("lab.json")).ok_or(ProgressError::NoPlace)
}

/// Reads what was solved. A file that is not there is empty.
///
/// # Errors
/// [`ProgressError`].
pub fn load(path: &Path) -> Result<BTreeMap<String, Score>, ProgressError> {
    use std::io::Read as _;
    let failed = |source| ProgressError::File { path: path.to_owned(), source };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut text = Vec::new();
    file.take(LARGEST).read_to_end(&mut text).map_err(failed)?;
    let damaged = || ProgressError::Damaged { path: path.to_owned() };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|_| damaged())?;
    let schema = value.get("schema").and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    match serde_json::from_value::<File>(value) {
        Ok(file) if schema == SCHEMA => Ok(file.solved),
        _ if schema.starts_with("ehlo-lab/") && schema != SCHEMA => {
            Err(ProgressError::Later { path: path.to_owned() })
        }
        _ => Err(damaged()),
    }
}

/// Adds a score; the better one stays. The file is replaced as a whole, so that nobody ever reads half of it.
///
/// # Errors
/// [`ProgressError`].
pub fn save(path: &Path, id: &str, score: Score) -> Result<(), ProgressError> {
    // Another ehlo may have written meanwhile: what it wrote is kept.
    let mut solved = match load(path) {
        Ok(solved) => solved,
        Err(ProgressError::Damaged { .. }) => BTreeMap::new(),
        Err(error) => return Err(error),
    };
    let best = solved.get(id).map_or(score, |before| before.better(score));
    solved.insert(id.to_owned(), best);
    let failed = |source| ProgressError::File { path: path.to_owned(), source };
    let text = serde_json::to_vec_pretty(&File { schema: SCHEMA.to_owned(), solved })
        .map_err(|error| failed(error.into()))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(&text).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(right: u16, of: u16) -> Score {
        Score { right, of }
    }

    #[test]
    fn the_best_score_stays_and_nothing_else_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/ehlo/lab.json");
        assert!(load(&path).unwrap().is_empty());
        save(&path, "healthy", score(2, 3)).unwrap();
        save(&path, "587-filtered", score(3, 3)).unwrap();
        save(&path, "healthy", score(3, 3)).unwrap();
        save(&path, "healthy", score(2, 3)).unwrap();
        let solved = load(&path).unwrap();
        assert_eq!(solved.get("healthy"), Some(&score(3, 3)));
        assert_eq!(solved.len(), 2);
        let files: Vec<_> = std::fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(files.len(), 1, "no temporary file is left: {files:?}");
    }

    #[test]
    fn a_damaged_file_is_started_anew_and_a_later_one_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lab.json");
        for damage in ["", "{", "[]", "{\"schema\":\"ehlo-lab/1\",\"solved\":7}", "\u{0}\u{1b}"] {
            std::fs::write(&path, damage).unwrap();
            assert!(matches!(load(&path), Err(ProgressError::Damaged { .. })), "{damage}");
            save(&path, "healthy", score(1, 1)).unwrap();
            assert_eq!(load(&path).unwrap().len(), 1);
        }
        let later = "{\"schema\":\"ehlo-lab/2\",\"solved\":[]}";
        std::fs::write(&path, later).unwrap();
        assert!(matches!(save(&path, "healthy", score(1, 1)), Err(ProgressError::Later { .. })));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), later);
    }

    #[test]
    fn what_cannot_be_written_is_an_error_with_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        std::fs::write(&blocked, "").unwrap();
        let error = save(&blocked.join("ehlo/lab.json"), "healthy", score(1, 1)).unwrap_err().to_string();
        assert!(error.starts_with("what you solve is not kept: ") && error.contains("lab.json"), "{error}");
    }
}
