//! `plimsoll-demo`: a local chain with Plimsoll on it, which stays up; or, headless, a price crash and its report.
use std::{path::PathBuf, process::ExitCode};

use anyhow::{bail, Result};
use clap::Parser;
use plimsoll_bots::shutdown;
use plimsoll_localnet::{
    listing::PRICE_AGE,
    live::{self, progress::Progress, Local},
    node::Ports,
    play::{play, Options},
    scenario::Scenario,
    text::Narrator,
};
use tokio::sync::watch;

/// Starts a local chain with Plimsoll on it: assets and markets listed, makers, traders, a keeper and a liquidator at
/// work, prices moving, signed as Pyth Pro signs them by a key of the chain's own, a faucet, and the web app. It stays up
/// until Ctrl-C.
///
/// With --headless it plays one price crash instead, without ports to connect to, and reports who was liquidated, at
/// what price, who was paid, and whether every token is accounted for. That ends with an error when money appeared or
/// disappeared, or when an account below its maintenance line was left unliquidated.
#[derive(Parser, Debug)]
#[command(name = "plimsoll-demo", version)]
struct Arguments {
    /// Play one crash, report and end.
    #[arg(long)]
    headless: bool,
    /// How prices move: from the start on, then calmly. [default: calm; headless: march-2020]
    #[arg(long, value_enum)]
    scenario: Option<Scenario>,
    /// Makes the run repeat: prices' noise, keys and order flow follow from it.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Seconds of the scenario per second: 600 for ten minutes a second. [default: 300; headless: no waiting]
    #[arg(long, value_parser = positive)]
    speed: Option<f64>,
    /// USDC in the insurance fund at the start; without any, market fees, depositors and winners bear bad debt.
    #[arg(long, default_value_t = 250_000, value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    insurance: u64,
    /// The built program.
    #[arg(long, default_value_os_t = in_workspace("target/deploy/plimsoll.so"))]
    program: PathBuf,
    /// Port of JSON-RPC.
    #[arg(long, default_value_t = 8899, conflicts_with = "headless")]
    rpc_port: u16,
    /// Port of WebSocket subscriptions.
    #[arg(long, default_value_t = 8900, conflicts_with = "headless")]
    ws_port: u16,
    /// Port of the web app, the faucet and the scenarios.
    #[arg(long, default_value_t = 8080, conflicts_with = "headless")]
    port: u16,
    /// The built web app.
    #[arg(long, default_value_os_t = in_workspace("app/dist"), conflicts_with = "headless")]
    app: PathBuf,
    /// Do not serve the web app.
    #[arg(long, conflicts_with = "headless")]
    no_app: bool,
    /// Record no history.
    #[arg(long, conflicts_with = "headless")]
    no_history: bool,
    /// List the exchange and leave it empty: no makers, traders or bots.
    #[arg(long, conflicts_with = "headless")]
    empty: bool,
    /// Start no liquidator: accounts below their maintenance line are left to whoever comes, to try a bot of your own.
    #[arg(long, conflicts_with = "headless")]
    no_liquidator: bool,
    /// How old a price may be that carries new risk, seconds; what pays and seizes asks for prices of 10 and 6
    /// at most.
    #[arg(long, default_value_t = PRICE_AGE, value_parser = clap::value_parser!(u16).range(5..=600), conflicts_with = "headless")]
    price_age: u16,
    /// Steps in which prices move: more are smoother and take longer.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(4..=2_000), requires = "headless")]
    ticks: u32,
    /// Print the report as JSON on standard output; progress goes to standard error.
    #[arg(long, requires = "headless")]
    json: bool,
}

/// A file of the checkout that this was built in.
fn in_workspace(path: &str) -> PathBuf {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let workspace = workspace.canonicalize().unwrap_or(workspace);
    workspace.join(path)
}

fn positive(text: &str) -> Result<f64> {
    match text.parse() {
        Ok(number) if number > 0.0 && f64::is_finite(number) => Ok(number),
        _ => bail!("it is not a positive number"),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    // What the bots cannot help is shown, what the validator's own crates have to say is not.
    let shown = tracing_subscriber::EnvFilter::try_from_default_env();
    let quiet = || "error,plimsoll_localnet=warn,plimsoll_bots=warn".into();
    tracing_subscriber::fmt()
        .with_env_filter(shown.unwrap_or_else(|_| quiet()))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let outcome = if arguments.headless {
        report(arguments).await
    } else {
        stay_up(arguments).await
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("plimsoll-demo: {error:#}");
        ExitCode::FAILURE
    })
}

/// Runs a local chain until Ctrl-C.
async fn stay_up(arguments: Arguments) -> Result<ExitCode> {
    let progress = Progress::new();
    let app = (!arguments.no_app).then_some(arguments.app);
    let app = app.filter(|app| app.join("index.html").exists());
    let options = live::Options {
        program: arguments.program,
        ports: Ports {
            rpc: arguments.rpc_port,
            ws: arguments.ws_port,
        },
        http_port: arguments.port,
        app,
        seed: arguments.seed,
        insurance: arguments.insurance,
        price_age: arguments.price_age,
        populated: !arguments.empty,
        liquidator: !arguments.no_liquidator,
        history: !arguments.no_history,
    };
    let (trigger, shutdown) = shutdown::channel();
    shutdown::on_signals(trigger)?;
    let mut local = tokio::select! {
        started = Local::start(options, &progress) => started?,
        () = shutdown.requested() => return Ok(ExitCode::SUCCESS),
    };
    if let Some(scenario) = arguments.scenario {
        let seconds = (scenario.seconds() / arguments.speed.unwrap_or(300.0)).max(1.0);
        let played = local.shared().prices().play(&scenario.name(), seconds);
        played.map_err(|refused| anyhow::anyhow!("{refused}"))?;
    }
    progress.step("ready");
    println!("{}", local.welcome());
    let outcome = tokio::select! {
        error = local.failed() => Err(error),
        () = shutdown.requested() => Ok(ExitCode::SUCCESS),
    };
    progress.step("stopping");
    local.stop().await?;
    progress.step("stopped");
    outcome
}

/// Plays a crash and reports.
async fn report(arguments: Arguments) -> Result<ExitCode> {
    let (stopper, stop) = watch::channel(false);
    tokio::spawn(stop_on_interrupt(stopper));
    let options = Options {
        scenario: arguments.scenario.unwrap_or(Scenario::March2020),
        seed: arguments.seed,
        ticks: arguments.ticks,
        speed: arguments.speed,
        program: arguments.program,
        insurance: arguments.insurance,
    };
    let mut narrator = Narrator::new(arguments.json);
    let report = play(options, &mut narrator, stop).await?;
    narrator.report(&report);
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    }
    Ok(if report.failures().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The first Ctrl-C ends the run after the current tick, with a report; the second ends it at once.
async fn stop_on_interrupt(stopper: watch::Sender<bool>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        eprintln!("stopping after this tick");
        stopper.send_replace(true);
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        std::process::exit(130);
    }
}
