//! Which servers, with which token, for which feeds.

/// Pyth's servers. All of them are connected to: one is away while it is renewed.
pub const ENDPOINTS: [&str; 3] = [
    "wss://pyth-lazer-0.dourolabs.app/v1/stream",
    "wss://pyth-lazer-1.dourolabs.app/v1/stream",
    "wss://pyth-lazer-2.dourolabs.app/v1/stream",
];

/// Most feeds of a message.
const MOST_FEEDS: usize = 255;

/// What to connect to, and what to ask for.
#[derive(Clone, Debug)]
pub struct LiveConfig {
    /// Addresses of the servers, `wss` except on this machine.
    pub urls: Vec<String>,
    /// What Pyth's distributor gave.
    pub token: AccessToken,
    /// How often messages come.
    pub channel: Channel,
    /// Pyth's numbers of the feeds of each subscription. A message holds all feeds of its subscription, so a subscription
    /// should hold what one transaction is to refresh.
    pub subscriptions: Vec<Vec<u32>>,
}

/// A token, which is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(String);

impl AccessToken {
    /// A token; white space around it is dropped.
    pub fn new(token: &str) -> Self {
        Self(token.trim().to_owned())
    }

    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl core::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("AccessToken(***)")
    }
}

/// How often Pyth sends a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Channel {
    /// With every change, up to a thousand times a second.
    RealTime,
    Every50Ms,
    #[default]
    Every200Ms,
    EverySecond,
}

impl Channel {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RealTime => "real_time",
            Self::Every50Ms => "fixed_rate@50ms",
            Self::Every200Ms => "fixed_rate@200ms",
            Self::EverySecond => "fixed_rate@1000ms",
        }
    }
}

impl LiveConfig {
    /// Refuses what could not work, or would show the token to the network.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.urls.is_empty() || self.subscriptions.is_empty() {
            return Err("at least one server and one subscription are needed".into());
        }
        if let Some(url) = self.urls.iter().find(|url| !is_safe(url)) {
            return Err(format!("{url} is not a wss:// address"));
        }
        let text = self.token.text();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("the access token is empty or has characters that no token has".into());
        }
        for feeds in &self.subscriptions {
            let mut sorted = feeds.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if feeds.is_empty() || feeds.len() > MOST_FEEDS || sorted.len() < feeds.len() {
                return Err(format!(
                    "a subscription has 1 to {MOST_FEEDS} feeds, each once, not {feeds:?}"
                ));
            }
        }
        Ok(())
    }
}

/// Whether a token may be sent to an address: encrypted, or to this machine.
fn is_safe(url: &str) -> bool {
    let local = ["ws://127.0.0.1:", "ws://localhost:", "ws://[::1]:"];
    url.starts_with("wss://") || local.iter().any(|start| url.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> LiveConfig {
        LiveConfig {
            urls: ENDPOINTS.map(str::to_owned).to_vec(),
            token: AccessToken::new(" secret\n"),
            channel: Channel::default(),
            subscriptions: vec![vec![1, 2], vec![2]],
        }
    }

    #[test]
    fn accepts_sense_and_refuses_nonsense() {
        config().check().unwrap();
        let faults: [fn(&mut LiveConfig); 10] = [
            |c| c.urls.clear(),
            |c| c.urls.push("ws://pyth.example/v1/stream".into()),
            |c| c.urls.push("ws://localhost.example/".into()),
            |c| c.urls.push("https://pyth.example".into()),
            |c| c.token = AccessToken::new(" "),
            |c| c.token = AccessToken::new("a\r\nHost: b"),
            |c| c.subscriptions.clear(),
            |c| c.subscriptions.push(vec![]),
            |c| c.subscriptions.push(vec![1, 2, 1]),
            |c| c.subscriptions.push((0..256).collect()),
        ];
        for (index, fault) in faults.into_iter().enumerate() {
            let mut config = config();
            fault(&mut config);
            assert!(config.check().is_err(), "fault {index}");
        }
        let mut local = config();
        local.urls = vec!["ws://127.0.0.1:9000/v1".into()];
        local.check().unwrap();
    }

    #[test]
    fn a_token_is_not_printed() {
        let printed = format!("{:?}", config());
        assert!(
            !printed.contains("secret") && printed.contains("***"),
            "{printed}"
        );
    }
}
