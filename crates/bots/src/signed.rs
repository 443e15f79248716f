//! Where a bot has signed prices from: Pyth Pro's servers, or a local chain's own.
use std::sync::Arc;

use anyhow::{anyhow, Context as _, Result};
use plimsoll::state::RiskState;
use plimsoll_client::{
    directory::Directory,
    pro::{subscriptions, AccessToken, Carried, Channel, Live, LiveConfig, ProSource, ENDPOINTS},
    rpc::ChainClock,
};

use crate::config::Common;

/// What a local chain's signer, which asks for no token, is told.
const NO_TOKEN: &str = "none";

/// A source of signed prices, or none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Signed(Option<Arc<dyn ProSource>>);

/// Which servers to ask, and with which token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    pub urls: Vec<String>,
    pub token: AccessToken,
}

impl Access {
    /// What the options and the directory say; none where neither names a server or a token.
    ///
    /// # Errors
    /// When a token cannot be read, or is missing for servers that were named.
    pub fn of(common: &Common, directory: &Directory) -> Result<Option<Self>> {
        let token = common.read_pro_token()?;
        let access = |urls: Vec<String>, token: &str| {
            let token = AccessToken::new(token);
            Ok(Some(Self { urls, token }))
        };
        match (common.pro_urls.as_slice(), token, &directory.endpoints.pro) {
            ([], _, Some(local)) => access(vec![local.clone()], NO_TOKEN),
            ([], Some(token), None) => access(ENDPOINTS.map(str::to_owned).to_vec(), &token),
            ([], None, None) => Ok(None),
            (urls, Some(token), _) => access(urls.to_vec(), &token),
            (_, None, _) => Err(anyhow!(
                "pro_urls needs a token: name its file with --pro-token-file, or set PLIMSOLL_PRO_TOKEN"
            )),
        }
    }
}

impl Signed {
    /// Connects to the servers for all feeds that an exchange takes from them; to none where it takes none.
    ///
    /// # Errors
    /// When the addresses or the token make no sense.
    pub fn connect(access: Option<Access>, risk: &RiskState) -> Result<Self> {
        let subscriptions = subscriptions(risk);
        let Some(access) = access.filter(|_| !subscriptions.is_empty()) else {
            return Ok(Self::default());
        };
        let config = LiveConfig {
            urls: access.urls,
            token: access.token,
            channel: Channel::default(),
            subscriptions,
        };
        let live = Live::start(config).map_err(|error| anyhow!(error));
        Ok(Self(Some(Arc::new(live.context("signed prices")?))))
    }

    /// Whether there is a source.
    pub fn is_there(&self) -> bool {
        self.0.is_some()
    }

    /// The newest messages that the chain would take, before the feeds that take their prices.
    pub fn newest(&self, risk: &RiskState, clock: ChainClock) -> Vec<Carried> {
        let source = self.0.iter();
        source
            .flat_map(|source| Carried::newest(source.as_ref(), risk, clock))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_client::directory::Endpoints;

    fn directory(pro: Option<&str>) -> Directory {
        Directory {
            version: plimsoll_client::directory::VERSION,
            name: "test".into(),
            program: plimsoll::ID,
            exchange: plimsoll::ID,
            feeds: Vec::new(),
            assets: Vec::new(),
            markets: Vec::new(),
            endpoints: Endpoints {
                pro: pro.map(Into::into),
                ..Endpoints::default()
            },
        }
    }

    #[test]
    fn options_go_before_the_directory_which_goes_before_pyths_own_servers() {
        let local = directory(Some("ws://127.0.0.1:9/v1/stream"));
        let mut common = Common::default();
        let access = |common: &Common, directory| Access::of(common, directory).unwrap();
        assert_eq!(access(&common, &directory(None)), None);
        let found = access(&common, &local).unwrap();
        assert_eq!(found.urls, ["ws://127.0.0.1:9/v1/stream"]);

        let path = std::env::temp_dir().join(format!("plimsoll-token-{}", std::process::id()));
        std::fs::write(&path, "a-token\n").unwrap();
        common.pro_token_file = Some(path.clone());
        let found = access(&common, &directory(None)).unwrap();
        assert_eq!(found.urls, ENDPOINTS);
        assert_eq!(found.token, AccessToken::new("a-token"));
        common.pro_urls = vec!["wss://pro.example/v1".into()];
        let found = access(&common, &local).unwrap();
        assert_eq!(found.urls, common.pro_urls);
        std::fs::remove_file(&path).unwrap();

        assert!(Access::of(&common, &local).is_err(), "the file is gone");
        common.pro_token_file = None;
        let error = Access::of(&common, &local).unwrap_err().to_string();
        assert!(error.contains("PLIMSOLL_PRO_TOKEN"), "{error}");
    }
}
