//! The command line: one subcommand for each bot, and what they have in common around it.
use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Result;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    config::{self, Common, Section},
    context::{Context, Reports},
    history::{self, RecorderConfig, Target},
    http,
    keeper::{self, KeeperConfig},
    liquidator::{self, LiquidatorConfig},
    logs,
    maker::{self, MakerConfig},
    shutdown::{self, Shutdown},
};

/// The options of one bot's subcommand.
#[derive(Args, Clone, Debug)]
pub struct Options<S: Args> {
    /// TOML file to read options from, with a table [common] and one of the bot's name. The environment
    /// (PLIMSOLL_RPC, PLIMSOLL_KEEPER_REFRESH_EVERY, …) overrides it, flags override both.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print the configuration in effect as TOML, secrets masked, and do nothing else.
    #[arg(long)]
    print_config: bool,
    #[command(flatten)]
    common: Common,
    #[command(flatten, next_help_heading = "Options of this bot")]
    own: S,
}

/// Runs a bot from its subcommand until a signal ends it.
///
/// # Errors
/// When the configuration is wrong, or something fails that trying again does not help against.
pub async fn start<S, F, Fut>(options: &Options<S>, matches: &ArgMatches, run: F) -> Result<()>
where
    S: Section,
    F: FnOnce(S, Context, Shutdown) -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let given = (&options.common, &options.own);
    let (common, own) = config::layered(options.config.as_deref(), given, matches)?;
    if options.print_config {
        print!("{}", config::printed(&common, &own)?);
        return Ok(());
    }
    logs::start(&common.log, common.log_format)?;
    let keypair = common.read_keypair()?.map(Arc::new);
    let (trigger, shutdown) = shutdown::channel();
    shutdown::on_signals(trigger)?;

    let reports = Reports::new()?;
    let listen = common.listen;
    let listen = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], S::PORT)));
    let listener = http::bind(listen).await?;
    let pages = http::router(S::NAME, reports.clone());
    let server = tokio::spawn(http::serve(listener, pages, shutdown.clone()));
    tracing::info!(bot = S::NAME, %listen, "started");

    let outcome = match Context::connect(&common, keypair, reports, &shutdown).await? {
        Some(context) => {
            let context = match S::SIGNED {
                true => context.with_signed(&common, &shutdown).await?,
                false => context,
            };
            tokio::spawn(context.clone().watch(shutdown.clone()));
            if let Some(url) = common.record {
                let beside = RecorderConfig {
                    url,
                    ..RecorderConfig::default()
                };
                let target = Target::of(&context);
                history::spawn(beside, target, context.reports.clone(), shutdown.clone()).await?;
            }
            run(own, context, shutdown).await
        }
        None => Ok(()),
    };
    server.abort();
    tracing::info!(bot = S::NAME, "stopped");
    outcome
}

/// Bots that run a Plimsoll exchange.
#[derive(Parser, Debug)]
#[command(name = "plimsoll-bots", version, about)]
pub struct Cli {
    #[command(subcommand)]
    bot: Bot,
}

/// Which bot runs.
#[derive(Subcommand, Debug)]
enum Bot {
    /// Refresh the risk state, settle fills, profits and losses, prune expired orders.
    Keeper(Options<KeeperConfig>),
    /// Record every event of the exchange and samples of healths, prices and funding, and serve them over HTTP.
    Recorder(Options<RecorderConfig>),
    /// Liquidate accounts below their maintenance line, resolve bankruptcies, sell off what was taken over.
    Liquidator(Options<LiquidatorConfig>),
    /// Quote both sides of markets around the oracle's price: for local chains and tests.
    Maker(Options<MakerConfig>),
}

/// Runs what the command line asks for.
///
/// # Errors
/// As [`start`].
pub async fn run() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some(KeeperConfig::NAME) => config::refuse_renamed::<KeeperConfig>(arguments)?,
        Some(LiquidatorConfig::NAME) => config::refuse_renamed::<LiquidatorConfig>(arguments)?,
        _ => {}
    }
    let matches = Cli::command().get_matches();
    let cli = Cli::from_arg_matches(&matches)?;
    let Some((_, own)) = matches.subcommand() else {
        return Ok(());
    };
    match &cli.bot {
        Bot::Keeper(options) => start(options, own, keeper::run).await,
        Bot::Recorder(options) => start(options, own, history::run).await,
        Bot::Liquidator(options) => start(options, own, liquidator::run).await,
        Bot::Maker(options) => start(options, own, maker::run).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_options_share_a_name() {
        Cli::command().debug_assert();
    }
}
