//! `plimsoll-bots`: a keeper, a liquidator, a market maker or a recorder, one to a process.
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match plimsoll_bots::cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plimsoll-bots: {error:#}");
            ExitCode::FAILURE
        }
    }
}
