//! Whether a backup on disk is whole.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::rdb_verifier::RdbVerifier;
use super::{Broken, CHUNK};
use crate::model::{FORMAT, MANIFEST, Manifest, ManifestShard};
use crate::wire::all_at_once;

/// The longest manifest that is read; one of 1000 masters has half a megabyte.
const LONGEST: u64 = 16 << 20;

/// What is wrong with a backup.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    #[error("{MANIFEST}: {0}: a directory without it holds no backup, or an unfinished one")]
    NoManifest(io::Error),
    #[error("{MANIFEST} cannot be read: {0}")]
    Manifest(#[from] serde_json::Error),
    #[error("{MANIFEST} is of format {0}, and this version knows {FORMAT}")]
    Format(u32),
    #[error("{file}: {source}")]
    File { file: String, source: io::Error },
    #[error("{file}: {why}")]
    Broken { file: String, why: Broken },
    #[error("{file} has {found} bytes and should have {wanted}")]
    Size { file: String, found: u64, wanted: u64 },
    #[error("{file} was changed: its SHA-256 differs")]
    Digest { file: String },
}

/// Reads every file; gives the manifest, and every flaw of its files.
///
/// # Errors
/// There is no manifest, or none that can be read.
pub fn verify(dir: &Path) -> Result<(Manifest, Vec<Flaw>), Flaw> {
    let file = open(&dir.join(MANIFEST)).map_err(Flaw::NoManifest)?;
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text).map_err(Flaw::NoManifest)?;
    let manifest = Manifest::read(&text)?;
    if manifest.format != FORMAT {
        return Err(Flaw::Format(manifest.format));
    }
    let flaws = all_at_once(&manifest.shards, |shard| vet(dir, shard).err());
    let flaws = flaws.into_iter().flatten().collect();
    Ok((manifest, flaws))
}

fn vet(dir: &Path, shard: &ManifestShard) -> Result<(), Flaw> {
    let file = || shard.file.clone();
    // A name that leads out of the folder is none that we have written.
    let failed = |source| Flaw::File { file: file(), source };
    if Path::new(&shard.file).file_name() != Some(shard.file.as_ref()) {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    }
    let verifier = read(&dir.join(&shard.file)).map_err(failed)?;
    if verifier.bytes() != shard.bytes {
        let (found, wanted) = (verifier.bytes(), shard.bytes);
        return Err(Flaw::Size { file: file(), found, wanted });
    }
    let (_, sha256) = verifier.finish().map_err(|why| Flaw::Broken { file: file(), why })?;
    if sha256 == shard.sha256 { Ok(()) } else { Err(Flaw::Digest { file: file() }) }
}

/// Opens a file of a backup: no link, which may lead anywhere, and nothing that would be waited for.
fn open(path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let opened = File::options().read(true).custom_flags(flags).open(path);
    let file =
        opened.map_err(|error| match error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) {
            true => not_a_file(),
            false => error,
        })?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(not_a_file()) }
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is no file, but a link or something else")
}

fn read(path: &Path) -> io::Result<RdbVerifier> {
    let (mut file, mut verifier, mut buffer) = (open(path)?, RdbVerifier::new(), vec![0; CHUNK]);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(verifier),
            count => verifier.add(&buffer[..count]),
        }
    }
}
