//! Configuration in layers: defaults, then a TOML file, then the environment (`PLIMSOLL_…`), then flags. What no layer
//! knows is refused by its name.
//!
//! A file has a table `[common]` and one for each bot, so that one file can serve several. In the environment, a
//! common option is `PLIMSOLL_RPC`, one of a bot `PLIMSOLL_KEEPER_REFRESH_EVERY`.
mod common;
mod secrets;

use std::{path::Path, time::Duration};

use anyhow::{anyhow, bail, Context, Result};
use clap::{parser::ValueSource, ArgMatches, Args};
use figment::{
    providers::{Env, Format, Serialized, Toml},
    value::Dict,
    Figment,
};
use serde::{de::DeserializeOwned, Serialize};

pub use common::Common;
pub use secrets::{masked, Secret};

const COMMON: &str = "common";
const PREFIX: &str = "PLIMSOLL_";
/// The tables that a file may have.
const TABLES: [&str; 5] = [COMMON, "keeper", "liquidator", "maker", "recorder"];

/// The options of one bot: flags and keys have the same names (`--refresh-every` and `refresh_every`).
///
/// The type also denies unknown fields and has the same defaults for flags as for [`Default`].
pub trait Section: Args + Serialize + DeserializeOwned + Default {
    /// Name of the bot and of its table.
    const NAME: &'static str;
    /// Port of its HTTP server where none is given, on the local address.
    const PORT: u16;
    /// Whether the bot brings signed prices to the chain.
    const SIGNED: bool = false;
    /// Options that have another name or meaning today.
    const RENAMED: &'static [Renamed] = &[];

    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// Says which option, and why.
    fn check(&self) -> Result<()>;
}

/// An option that is gone, and what is there instead.
#[derive(Clone, Copy, Debug)]
pub struct Renamed {
    /// The name that is refused.
    pub old: &'static str,
    /// The option to set instead.
    pub new: &'static str,
    /// What has changed.
    pub why: &'static str,
}

impl core::fmt::Display for Renamed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { old, new, why } = self;
        write!(f, "{old} is gone, set {new} instead: {why}")
    }
}

/// Refuses a command line that names an option which is gone.
///
/// # Errors
/// Names the option that is there instead.
pub fn refuse_renamed<S: Section>(arguments: impl IntoIterator<Item = String>) -> Result<()> {
    let named: Vec<String> = arguments
        .into_iter()
        .filter_map(|argument| {
            let flag = argument.strip_prefix("--")?;
            let name = flag.split_once('=').map_or(flag, |(name, _)| name);
            Some(name.replace('-', "_"))
        })
        .collect();
    match S::RENAMED
        .iter()
        .find(|gone| named.iter().any(|name| name == gone.old))
    {
        Some(gone) => bail!("{gone}"),
        None => Ok(()),
    }
}

/// Puts the layers together. `given` holds what was parsed from the command line, `matches` tells what of it was named.
///
/// # Errors
/// Names the key and the layer that is wrong.
pub fn layered<S: Section>(
    file: Option<&Path>,
    given: (&Common, &S),
    matches: &ArgMatches,
) -> Result<(Common, S)> {
    let mut layers = Figment::from(Serialized::default(COMMON, Common::default()))
        .merge(Serialized::default(S::NAME, S::default()));
    if let Some(path) = file {
        if !path.is_file() {
            bail!("there is no configuration file {}", path.display());
        }
        layers = layers.merge(Toml::file_exact(path));
        known_tables(&layers).with_context(|| format!("in {}", path.display()))?;
    }
    let layers = layers
        .merge(environment())
        .merge(Serialized::default(COMMON, named(given.0, matches)?))
        .merge(Serialized::default(S::NAME, named(given.1, matches)?));
    for gone in S::RENAMED {
        if layers.contains(&format!("{}.{}", S::NAME, gone.old)) {
            bail!("{}.{gone}", S::NAME);
        }
    }
    let common: Common = layers.extract_inner(COMMON).map_err(explained)?;
    let own: S = layers.extract_inner(S::NAME).map_err(explained)?;
    common.check()?;
    own.check()?;
    Ok((common, own))
}

/// The configuration as a TOML file, secrets masked.
///
/// # Errors
/// When a value cannot be written.
pub fn printed<S: Section>(common: &Common, own: &S) -> Result<String> {
    let mut tables = toml::Table::new();
    for (name, table) in [
        (COMMON, toml::Value::try_from(common)?),
        (S::NAME, toml::Value::try_from(own)?),
    ] {
        tables.insert(name.to_owned(), secrets::mask(table));
    }
    Ok(toml::to_string(&tables)?)
}

/// A length of time from an option in seconds.
pub fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)
}

/// Refuses a length of time that is not positive.
///
/// # Errors
/// Names the option.
pub fn require_positive(options: &[(&str, f64)]) -> Result<()> {
    for (name, value) in options {
        if !value.is_finite() || *value <= 0.0 {
            bail!("{name} has to be more than zero, not {value}");
        }
    }
    Ok(())
}

fn known_tables(layers: &Figment) -> Result<()> {
    let all: Dict = layers.extract().map_err(explained)?;
    for name in all.keys() {
        if !TABLES.contains(&name.as_str()) {
            bail!(
                "\"{name}\" is no table of the configuration; those are {}",
                TABLES.join(", ")
            );
        }
    }
    Ok(())
}

/// Says which option of which layer is wrong.
fn explained(errors: figment::Error) -> anyhow::Error {
    let sentences = errors.into_iter().map(|error| {
        let key = error.path.iter().find(|part| !is_table(part));
        let key = key.map_or_else(String::new, |key| format!("{}: ", key.to_lowercase()));
        let layer = error.metadata.as_ref().map(|layer| {
            let source = layer.source.as_ref();
            source.map_or_else(|| layer.name.to_string(), ToString::to_string)
        });
        let layer = layer.map_or_else(String::new, |layer| format!(", in {layer}"));
        format!("{key}{}{layer}", error.kind)
    });
    anyhow!(sentences.collect::<Vec<_>>().join("; "))
}

fn is_table(part: &str) -> bool {
    TABLES.iter().any(|table| table.eq_ignore_ascii_case(part))
}

/// `PLIMSOLL_KEEPER_X` is `x` of the keeper's table, `PLIMSOLL_X` a common option.
fn environment() -> Env {
    Env::prefixed(PREFIX).map(|key| {
        let key = key.as_str().to_ascii_lowercase();
        let table = TABLES.iter().skip(1).find_map(|table| {
            let rest = key.strip_prefix(table)?.strip_prefix('_')?;
            Some(format!("{table}.{rest}"))
        });
        table.unwrap_or_else(|| format!("{COMMON}.{key}")).into()
    })
}

/// Of the parsed options those that the command line named.
fn named(options: &impl Serialize, matches: &ArgMatches) -> Result<toml::Table> {
    let table = toml::Table::try_from(options)?;
    let is_named = |key: &str| {
        let known = matches.try_contains_id(key).unwrap_or(false);
        known && matches.value_source(key) == Some(ValueSource::CommandLine)
    };
    Ok(table.into_iter().filter(|(key, _)| is_named(key)).collect())
}
