//! Loops that outlive every outage: a failure is said once, tried again later and later, and never ends the process.
use std::{
    future::Future,
    hash::{BuildHasher, Hasher, RandomState},
    time::{Duration, Instant},
};

use anyhow::{Error, Result};

use crate::{context::Reports, shutdown::Shutdown};

/// Pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Pauses that double with every failure in a row, each shortened by up to a half, so that many bots do not return to a
/// node at the same moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Starts over; how often it had failed.
    pub fn reset(&mut self) -> u32 {
        std::mem::take(&mut self.failures)
    }

    /// Counts a failure; how long to wait.
    pub fn pause(&mut self) -> Duration {
        let jitter = RandomState::new().build_hasher().finish() as f64 / u64::MAX as f64;
        let pause = pause_after(self.failures, jitter);
        self.failures = self.failures.saturating_add(1);
        pause
    }
}

/// The pause after `failures` earlier ones, shortened by `jitter` (0 to 1) halves.
fn pause_after(failures: u32, jitter: f64) -> Duration {
    let full = FIRST_PAUSE
        .saturating_mul(1 << failures.min(10))
        .min(LONGEST_PAUSE);
    full.mul_f64(1.0 - jitter / 2.0)
}

/// Says a failure once, and again only when it becomes another one.
#[derive(Debug, Default)]
struct Complaint(Option<String>);

impl Complaint {
    fn about(&mut self, name: &'static str, error: &Error) {
        let text = format!("{error:#}");
        if self.0.as_ref() != Some(&text) {
            tracing::warn!(name, error = %text, "failed, will be tried again");
            self.0 = Some(text);
        }
    }

    fn over(&mut self, name: &'static str, failures: u32) {
        if self.0.take().is_some() {
            tracing::info!(name, failures, "works again");
        }
    }
}

/// Runs `turn` every `period` (from start to start) until the end is asked for; after a failure, when the backoff says.
/// A turn that has begun is finished.
pub async fn every<F, Fut>(
    name: &'static str,
    period: Duration,
    reports: &Reports,
    shutdown: &Shutdown,
    mut turn: F,
) where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<()>>,
{
    let mut backoff = Backoff::default();
    let mut complaint = Complaint::default();
    let allowed = period.saturating_mul(3) + 2 * LONGEST_PAUSE;
    reports.health.loop_started(name, allowed);
    while !shutdown.is_requested() {
        let start = Instant::now();
        let outcome = turn().await;
        let took = start.elapsed();
        let metrics = &reports.metrics;
        metrics.turned(name, outcome.is_ok(), took.as_secs_f64());
        let wait = match outcome {
            Ok(()) => {
                reports.health.loop_done(name);
                complaint.over(name, backoff.reset());
                period.saturating_sub(took)
            }
            Err(error) => {
                reports.health.loop_failed(name, format!("{error:#}"));
                complaint.about(name, &error);
                backoff.pause()
            }
        };
        if shutdown.sleep(wait).await {
            break;
        }
    }
}

/// Tries until it succeeds; `None` when the end was asked for before.
pub async fn until_done<T, F, Fut>(
    name: &'static str,
    shutdown: &Shutdown,
    mut attempt: F,
) -> Option<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut backoff = Backoff::default();
    let mut complaint = Complaint::default();
    while !shutdown.is_requested() {
        match attempt().await {
            Ok(done) => {
                complaint.over(name, backoff.failures());
                return Some(done);
            }
            Err(error) => complaint.about(name, &error),
        }
        shutdown.sleep(backoff.pause()).await;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::bail;

    #[test]
    fn pauses_double_up_to_a_limit_and_are_shortened_by_at_most_a_half() {
        assert_eq!(pause_after(0, 0.0), FIRST_PAUSE);
        assert_eq!(pause_after(3, 0.0), FIRST_PAUSE * 8);
        assert_eq!(pause_after(3, 1.0), FIRST_PAUSE * 4);
        assert_eq!(pause_after(u32::MAX, 0.0), LONGEST_PAUSE);
        let mut backoff = Backoff::default();
        assert!(backoff.pause() <= FIRST_PAUSE && backoff.pause() <= FIRST_PAUSE * 2);
        assert_eq!((backoff.reset(), backoff.failures()), (2, 0));
    }

    #[tokio::test]
    async fn tries_until_it_succeeds_or_has_to_stop() {
        let (trigger, shutdown) = crate::shutdown::channel();
        let mut tries = 0;
        let attempt = || {
            tries += 1;
            let done = tries == 2;
            async move {
                if !done {
                    bail!("not yet");
                }
                Ok(5)
            }
        };
        assert_eq!(until_done("test", &shutdown, attempt).await, Some(5));
        trigger.fire();
        let never = || async { Err::<(), _>(Error::msg("never")) };
        assert_eq!(until_done("test", &shutdown, never).await, None);
    }
}
