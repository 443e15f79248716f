//! `cargo xtask e2e`: runs what needs a running exchange: the TypeScript client's live tests, and a person's whole way
//! through the web app in a headless browser.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{bail, Context as _, Result};

use crate::build::{self, Program};
use crate::{app, arguments, demo, system};

const HELP: &str = "\
Runs the TypeScript client's live tests, a trader's whole way through the web app, and what can go wrong on it (a silent
price, a lost connection, a declined signature), each on a local chain of its own on free ports. The browser is a
headless Chromium, installed where it is missing. Screenshots go to app/e2e/screenshots.

usage: cargo xtask e2e";

/// How long a chain may take to start, and to end.
const START: Duration = Duration::from_secs(120);
const END: Duration = Duration::from_secs(20);

/// A chain on which nobody liquidates, and on which prices are soon too old.
const UNATTENDED: &[&str] = &["--no-liquidator", "--price-age", "20"];

/// Runs the command.
pub fn run(arguments: &[String]) -> Result<()> {
    if arguments::none(arguments, HELP)?.is_none() {
        return Ok(());
    }
    system::require(system::NATIVE_PACKAGES)?;
    if !system::has("chromium") {
        system::install(&["chromium"])?;
    }
    build::program(&Program::plimsoll()?)?;
    app::build()?;
    let client = on_a_chain(&["run", "test:live", "--workspace", "client"], &[]);
    let journey = on_a_chain(&["run", "e2e"], &[]);
    let states = on_a_chain(&["run", "e2e:states"], UNATTENDED);
    client.and(journey).and(states)
}

/// Runs an npm script with a chain of its own: all scripts crash prices.
fn on_a_chain(script: &[&str], options: &[&str]) -> Result<()> {
    let chain = Chain::start(options)?;
    let url = chain.url();
    std::env::set_var("PLIMSOLL_DIRECTORY", format!("{url}/exchange.json"));
    std::env::set_var("PLIMSOLL_URL", url);
    let outcome = app::npm(script);
    let end = chain.end();
    outcome.and(end)
}

/// A local chain that serves the web app.
struct Chain {
    process: Child,
    port: u16,
}

impl Chain {
    fn start(options: &[&str]) -> Result<Self> {
        let [rpc, ws, port] = free_ports()?;
        let process = Command::new(demo::built_chain()?)
            .args(["--rpc-port", &rpc.to_string(), "--ws-port", &ws.to_string()])
            .args(["--port", &port.to_string()])
            .args(options)
            .spawn()
            .context("cannot start the local chain")?;
        let mut chain = Self { process, port };
        let since = Instant::now();
        // It listens once everything is set up.
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = chain.process.try_wait()? {
                bail!("the local chain did not start: {status}");
            }
            if since.elapsed() > START {
                bail!("the local chain did not start within {} s", START.as_secs());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(chain)
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends it as Ctrl-C does; it must end well.
    fn end(mut self) -> Result<()> {
        let id = self.process.id().to_string();
        Command::new("kill").args(["-INT", &id]).status()?;
        let since = Instant::now();
        while since.elapsed() < END {
            match self.process.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => bail!("the local chain ended with {status}"),
                None => std::thread::sleep(Duration::from_millis(100)),
            }
        }
        bail!("the local chain did not end within {} s", END.as_secs())
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // Ended already, except where something failed before.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Ports that nobody listens on.
fn free_ports() -> Result<[u16; 3]> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let held = [listen()?, listen()?, listen()?];
    let [rpc, ws, http] = held.each_ref().map(TcpListener::local_addr);
    Ok([rpc?.port(), ws?.port(), http?.port()])
}
