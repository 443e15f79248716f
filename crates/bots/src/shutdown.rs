//! How a bot is told to stop: finish what is in flight, start nothing new.
use tokio::sync::watch;

/// Asks for the end. Dropping it asks as well, so that no bot outlives whoever runs it.
#[derive(Debug)]
pub struct Trigger(watch::Sender<bool>);

/// What a bot listens to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Receiver<bool>);

/// A trigger and what listens to it.
pub fn channel() -> (Trigger, Shutdown) {
    let (sender, receiver) = watch::channel(false);
    (Trigger(sender), Shutdown(receiver))
}

impl Trigger {
    /// Asks every listener to stop.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }
}

impl Shutdown {
    /// Whether the end has been asked for.
    pub fn is_requested(&self) -> bool {
        *self.0.borrow() || self.0.has_changed().is_err()
    }

    /// Waits until the end is asked for.
    pub async fn requested(&self) {
        let mut receiver = self.0.clone();
        // An error says that the trigger is gone, which asks for the end as well.
        let _ = receiver.wait_for(|stop| *stop).await;
    }

    /// Sleeps; true when the end was asked for meanwhile.
    pub async fn sleep(&self, time: std::time::Duration) -> bool {
        tokio::select! {
            () = self.requested() => true,
            () = tokio::time::sleep(time) => self.is_requested(),
        }
    }
}

/// Fires at the first SIGINT or SIGTERM, and ends the process at the second.
///
/// # Errors
/// When the signals cannot be listened to.
pub fn on_signals(trigger: Trigger) -> std::io::Result<()> {
    use tokio::signal::unix::{signal, SignalKind};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if first {
                tracing::info!(
                    "stopping: what is in flight is finished first, a second signal ends at once"
                );
                trigger.fire();
            }
        }
        std::process::exit(130);
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn wakes_sleepers_when_fired_and_when_dropped() {
        let long = Duration::from_secs(600);
        let (trigger, shutdown) = channel();
        assert!(!shutdown.is_requested());
        trigger.fire();
        assert!(shutdown.sleep(long).await && shutdown.is_requested());

        let (trigger, shutdown) = channel();
        assert!(!shutdown.sleep(Duration::from_millis(1)).await);
        drop(trigger);
        assert!(shutdown.sleep(long).await && shutdown.is_requested());
    }
}
