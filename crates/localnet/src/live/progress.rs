//! Progress of a start, with the seconds that have passed.
use std::time::Instant;

/// Says what is being done, on standard error.
pub struct Progress {
    since: Option<Instant>,
}

impl Progress {
    /// Counts seconds from now.
    pub fn new() -> Self {
        Self {
            since: Some(Instant::now()),
        }
    }

    /// Says nothing.
    pub fn silent() -> Self {
        Self { since: None }
    }

    pub fn step(&self, text: &str) {
        if let Some(since) = self.since {
            eprintln!("[{:5.1} s] {text}", since.elapsed().as_secs_f64());
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}
