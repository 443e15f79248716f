//! A program that a test has started: what it says, line by line, and how it ends.
use std::{
    io::{BufRead as _, BufReader, Read},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{
        channel, Receiver,
        RecvTimeoutError::{Disconnected, Timeout},
        Sender,
    },
};

use anyhow::{bail, ensure, Context as _, Result};

use crate::chain::PATIENCE;

/// A running program, which is killed if the test ends before it.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

/// What a program has said and whether it was content.
#[derive(Debug)]
pub struct Ended {
    pub success: bool,
    /// Lines of its output and of its errors.
    pub said: Vec<String>,
}

impl Running {
    pub fn start(program: &Path, arguments: &[&str]) -> Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {}", program.display()))?;
        let (sender, lines) = channel();
        pass_on(child.stdout.take().context("no output")?, sender.clone());
        pass_on(child.stderr.take().context("no errors")?, sender);
        Ok(Self {
            child,
            lines,
            said: Vec::new(),
        })
    }

    /// Waits for a line that ends with `word`.
    pub fn says(&mut self, word: &str) -> Result<()> {
        while let Some(line) = self.line()? {
            if line.ends_with(word) {
                return Ok(());
            }
        }
        bail!("it never says {word}: {:?}", self.said)
    }

    /// Asks it to end, as Ctrl-C does.
    pub fn interrupt(&self) -> Result<()> {
        let process = self.child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &process]).status()?;
        ensure!(kill.success(), "cannot interrupt {process}");
        Ok(())
    }

    /// Waits for its end.
    pub fn end(mut self) -> Result<Ended> {
        while self.line()?.is_some() {}
        let success = self.child.wait()?.success();
        let said = std::mem::take(&mut self.said);
        Ok(Ended { success, said })
    }

    /// Its next line; `None` once it has closed both streams.
    fn line(&mut self) -> Result<Option<String>> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => {
                self.said.push(line.clone());
                Ok(Some(line))
            }
            Err(Disconnected) => Ok(None),
            Err(Timeout) => bail!("it says nothing more: {:?}", self.said),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when it has ended, as it should have.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pass_on(stream: impl Read + Send + 'static, lines: Sender<String>) {
    std::thread::spawn(move || {
        let said = BufReader::new(stream).lines();
        let _ = said
            .map_while(Result::ok)
            .try_for_each(|line| lines.send(line));
    });
}
