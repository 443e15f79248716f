//! `cargo xtask postgres`: the recorder's tests on a PostgreSQL server of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context as _, Result};

use crate::{arguments, run, system};

const HELP: &str = "\
Starts a PostgreSQL server that lives in a temporary directory (installing Debian's package where it is missing), runs the
recorder's tests on it, and stops it.

usage: cargo xtask postgres";

const DATABASE: &str = "plimsoll_test";
/// Who runs the server when we are root, whom it refuses.
const USER: &str = "postgres";

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments::none(arguments, HELP)?.is_none() {
        return Ok(());
    }
    let server = Server::start()?;
    std::env::set_var("PLIMSOLL_TEST_POSTGRES", server.url());
    run::cargo(["test", "--locked", "--workspace", "--lib", "history"], &[])
}

/// A server that is reached through a socket in its own directory only, so that no port can be taken.
struct Server {
    programs: PathBuf,
    home: PathBuf,
}

impl Server {
    fn start() -> Result<Self> {
        let programs = match programs() {
            Some(found) => found,
            None => {
                system::install(&["postgresql"])?;
                programs().context("PostgreSQL's programs are not where Debian puts them")?
            }
        };
        // Where its user can reach it: a checkout may be in somebody's home.
        let home = std::env::temp_dir().join(format!("plimsoll-postgres-{}", std::process::id()));
        fs::create_dir(&home).with_context(|| format!("cannot make {}", home.display()))?;
        if system::is_root() {
            done(Command::new("chown").arg(USER).arg(&home))?;
        }
        let server = Self { programs, home };
        let data = server.home.join("data");
        done(
            server
                .command("initdb")
                .args(["-A", "trust", "-U", USER, "-D"])
                .arg(&data),
        )?;
        let options = format!(
            "-c listen_addresses= -c max_connections=300 -k {}",
            server.home.display()
        );
        let log = server.home.join("log");
        done(server.pg_ctl("start").args(["-o", &options, "-l"]).arg(log))?;
        done(
            server
                .command("createdb")
                .args(["-U", USER, "-h"])
                .arg(&server.home)
                .arg(DATABASE),
        )?;
        Ok(server)
    }

    fn url(&self) -> String {
        let socket = self.home.display().to_string().replace('/', "%2F");
        format!("postgres://{USER}@{socket}/{DATABASE}")
    }

    fn pg_ctl(&self, action: &str) -> Command {
        let mut command = self.command("pg_ctl");
        command
            .args([action, "-w", "-m", "fast", "-D"])
            .arg(self.home.join("data"));
        command
    }

    /// One of PostgreSQL's programs, run by its user.
    fn command(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let mut command = if system::is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", USER, "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.home);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A server that is gone already needs no stopping; what it leaves is temporary.
        let _ = done(&mut self.pg_ctl("stop"));
        let _ = fs::remove_dir_all(&self.home);
    }
}

/// Where Debian keeps the newest version's programs.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir(Path::new("/usr/lib/postgresql")).ok()?;
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = versions
        .flatten()
        .map(|entry| entry.path())
        .max_by_key(number)?;
    Some(newest.join("bin")).filter(|bin| bin.join("initdb").exists())
}

/// Runs a command that must succeed.
fn done(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
