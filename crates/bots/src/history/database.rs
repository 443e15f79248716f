//! The database of a history: opening SQLite or PostgreSQL, and how far the record goes.
use std::{sync::Arc, time::Duration};

use anyhow::{bail, Context, Result};
use plimsoll::ID;
use sqlx::{any::AnyPoolOptions, AnyPool, Row};
use tokio::sync::{Mutex, MutexGuard};

use crate::config::masked;

/// Connections to the database at a time.
const CONNECTIONS: u32 = 8;
/// How long a query waits for a connection before it is refused.
const ACQUIRE: Duration = Duration::from_secs(15);

/// A history's database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: AnyPool,
    /// Held while recording: a second writer of SQLite would only wait, and one order of events within a slot is
    /// decided here.
    writing: Arc<Mutex<()>>,
}

/// How far the record is complete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Everything up to and including this transaction is recorded; `None` before the first.
    pub signature: Option<String>,
    /// Slot up to which the record is complete, as last seen.
    pub last_slot: i64,
    /// When that was seen, Unix seconds.
    pub checked_at: i64,
    /// True while older transactions are being fetched.
    pub backfilling: bool,
}

impl Database {
    /// Opens the database at a URL, `sqlite://FILE` or `postgres://…`, creating a SQLite file and all tables as needed.
    pub async fn open(url: &str) -> Result<Self> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        if !sqlite && !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            bail!(
                "the history's URL must begin with sqlite:// or postgres://, or be `off`, not {}",
                scheme(url)
            );
        }
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        // Readers do not wait for the writer, and a killed process loses nothing that was committed.
                        for pragma in [
                            "PRAGMA busy_timeout = 15000",
                            "PRAGMA journal_mode = WAL",
                            "PRAGMA synchronous = NORMAL",
                        ] {
                            sqlx::query(pragma).execute(&mut *connection).await?;
                        }
                    }
                    Ok(())
                })
            })
            .connect(&creating(url))
            .await
            .with_context(|| format!("cannot open the history at {}", masked(url)))?;
        sqlx::migrate!("./migrations")
            .run(&pool)
            .await
            .context("cannot create the tables of the history")?;
        Ok(Self {
            pool,
            writing: Arc::default(),
        })
    }

    /// Connections for queries.
    pub fn pool(&self) -> &AnyPool {
        &self.pool
    }

    /// Waits until no other task of this process records.
    pub(super) async fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Makes this the history of an exchange on a chain, or refuses when it already is that of another: events of two
    /// chains in one file could never be told apart again.
    pub async fn claim(&self, exchange: &str, genesis: &str) -> Result<()> {
        sqlx::query(
            "INSERT INTO subject (id, exchange, genesis) VALUES (0, $1, $2) ON CONFLICT (id) DO NOTHING",
        )
        .bind(exchange)
        .bind(genesis)
        .execute(&self.pool)
        .await?;
        let row = sqlx::query("SELECT exchange, genesis FROM subject WHERE id = 0")
            .fetch_one(&self.pool)
            .await?;
        let (known, on): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        if known != exchange || on != genesis {
            bail!(
                "this history is of exchange {known} on the chain {on}, not of exchange {exchange} on the chain \
                 {genesis} (program {ID}): name another database"
            );
        }
        Ok(())
    }

    /// How far the record goes.
    pub async fn progress(&self) -> Result<Progress> {
        let row = sqlx::query(
            "SELECT signature, last_slot, checked_at, backfilling FROM progress WHERE id = 0",
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(Progress::default());
        };
        Ok(Progress {
            signature: row.try_get(0)?,
            last_slot: row.try_get(1)?,
            checked_at: row.try_get(2)?,
            backfilling: row.try_get::<i64, _>(3)? != 0,
        })
    }

    /// Remembers how far the record goes.
    pub async fn set_progress(&self, progress: &Progress) -> Result<()> {
        let _writing = self.writing().await;
        sqlx::query(
            "INSERT INTO progress (id, signature, last_slot, checked_at, backfilling) VALUES (0, $1, $2, $3, $4) \
             ON CONFLICT (id) DO UPDATE SET signature = excluded.signature, last_slot = excluded.last_slot, \
             checked_at = excluded.checked_at, backfilling = excluded.backfilling",
        )
        .bind(progress.signature.clone())
        .bind(progress.last_slot)
        .bind(progress.checked_at)
        .bind(i64::from(progress.backfilling))
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Deletes samples (healths, prices, funding) older than a time. Events and fills stay.
    pub async fn forget_samples(&self, before: i64) -> Result<u64> {
        let _writing = self.writing().await;
        let mut deleted = 0;
        for query in [
            "DELETE FROM health_samples WHERE time < $1",
            "DELETE FROM asset_prices WHERE time < $1",
            "DELETE FROM funding_samples WHERE time < $1",
        ] {
            let done = sqlx::query(query).bind(before).execute(&self.pool).await?;
            deleted += done.rows_affected();
        }
        Ok(deleted)
    }
}

/// The URL with which SQLite creates a file that is not there.
fn creating(url: &str) -> String {
    if !url.starts_with("sqlite:") || url.contains("mode=") || url.contains(":memory:") {
        return url.to_owned();
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    format!("{url}{joint}mode=rwc")
}

/// What a URL begins with; the rest may hold a password.
fn scheme(url: &str) -> &str {
    url.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::fixture::database;

    #[test]
    fn urls_are_completed() {
        assert_eq!(creating("sqlite://a.db"), "sqlite://a.db?mode=rwc");
        assert_eq!(
            creating("sqlite://a.db?cache=shared"),
            "sqlite://a.db?cache=shared&mode=rwc"
        );
        assert_eq!(creating("postgres://u:p@h/d"), "postgres://u:p@h/d");
    }

    #[tokio::test]
    async fn refuses_another_chain_and_other_databases() {
        let database = database().await;
        database.claim("exchange", "genesis").await.unwrap();
        database.claim("exchange", "genesis").await.unwrap();
        let error = database.claim("exchange", "other").await.unwrap_err();
        assert!(error.to_string().contains("name another database"));
        assert!(Database::open("mysql://root:secret@host/db").await.is_err());
    }

    #[tokio::test]
    async fn remembers_progress() {
        let database = database().await;
        assert_eq!(database.progress().await.unwrap(), Progress::default());
        let mut progress = Progress {
            signature: None,
            last_slot: 7,
            checked_at: 8,
            backfilling: true,
        };
        database.set_progress(&progress).await.unwrap();
        assert_eq!(database.progress().await.unwrap(), progress);
        progress.signature = Some("signature".into());
        progress.backfilling = false;
        database.set_progress(&progress).await.unwrap();
        assert_eq!(database.progress().await.unwrap(), progress);
    }
}
