//! Messages from a file: what Pyth said one day, said again.
use std::{path::Path, sync::Arc};

use base64::{prelude::BASE64_STANDARD, Engine as _};

use super::{source::Shelf, MessageError, ProSource, SignedMessage};

/// Recorded messages. A file has one a line: Pyth's form for Solana, base64.
#[derive(Debug)]
pub struct Recorded(Shelf);

/// Why a recording cannot be read.
#[derive(Debug)]
pub enum RecordedError {
    /// The file cannot be read.
    File(std::io::Error),
    /// The line (from 1) is not base64.
    NotBase64(usize),
    /// The line (from 1) is not a message.
    NotAMessage(usize, MessageError),
}

impl core::fmt::Display for RecordedError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::File(error) => write!(f, "the recording cannot be read: {error}"),
            Self::NotBase64(line) => write!(f, "line {line} of the recording is not base64"),
            Self::NotAMessage(line, error) => write!(f, "line {line} of the recording: {error}"),
        }
    }
}

impl std::error::Error for RecordedError {}

impl Recorded {
    /// Reads a recording.
    ///
    /// # Errors
    /// When the file cannot be read, or a line is not a message.
    pub fn read(path: &Path) -> Result<Self, RecordedError> {
        let text = std::fs::read_to_string(path).map_err(RecordedError::File)?;
        Self::parse(&text)
    }

    /// Reads a recording's text.
    ///
    /// # Errors
    /// When a line is not a message.
    pub fn parse(text: &str) -> Result<Self, RecordedError> {
        let mut shelf = Shelf::new(usize::MAX);
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() {
                continue;
            }
            let bytes = BASE64_STANDARD
                .decode(line)
                .map_err(|_| RecordedError::NotBase64(number))?;
            let message = SignedMessage::decode(&bytes)
                .map_err(|error| RecordedError::NotAMessage(number, error))?;
            shelf.put(message);
        }
        Ok(Self(shelf))
    }

    /// A recording's text.
    pub fn write<'a>(messages: impl IntoIterator<Item = &'a SignedMessage>) -> String {
        let lines = messages
            .into_iter()
            .map(|message| BASE64_STANDARD.encode(message.encode()) + "\n");
        lines.collect()
    }
}

impl ProSource for Recorded {
    fn newest(&self, feeds: &[u32], latest_us: u64) -> Option<Arc<SignedMessage>> {
        self.0.newest(feeds, latest_us).cloned()
    }
}
