//! Where a bot has signed prices from: Pyth Pro's servers, or a local chain's own.
use std::sync::Arc;

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use anyhow::{anyhow, Context as _, Result};
use plimsoll::state::RiskState;
use plimsoll_client::{
    directory::Directory,
    pro::{subscriptions, AccessToken, Carried, Channel, Live, LiveConfig, ProSource, ENDPOINTS},
    rpc::ChainClock,
    transaction::Version,
    ExchangeRef,
};

use crate::config::Common;

/// What a local chain's signer, which asks for no token, is told.
const NO_TOKEN: &str = "none";

/// A source of signed prices, or none. Cheap to clone.
#[derive(Clone, Default)]
pub struct Signed(Option<Arc<dyn ProSource>>);

impl<S: ProSource + 'static> From<Arc<S>> for Signed {
    fn from(source: Arc<S>) -> Self {
        Self(Some(source))
    }
}

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

    /// Those of the newest messages that have a newer price for some of these feeds.
    pub fn news_for(&self, feeds: &[u8], risk: &RiskState, clock: ChainClock) -> Vec<Carried> {
        let mut messages = self.newest(risk, clock);
        messages.retain(|message| message.news(risk, clock).any(|feed| feeds.contains(&feed)));
        messages
    }

    /// The newest messages that the chain would take, before the feeds that take their prices.
    pub fn newest(&self, risk: &RiskState, clock: ChainClock) -> Vec<Carried> {
        let source = self.0.iter();
        source
            .flat_map(|source| Carried::newest(source.as_ref(), risk, clock))
            .collect()
    }
}

/// A transaction with messages in front that bring in what is newer for some feeds; they go ahead of it, each in one of its
/// own, where all together would not fit.
pub fn with_messages(
    exchange: &ExchangeRef,
    messages: &[Carried],
    transaction: Vec<Instruction>,
    payer: &Pubkey,
    version: Version,
) -> Vec<Vec<Instruction>> {
    let first = version.preceding();
    let refresh = |message: &Carried, before| message.refresh(exchange, &[], before);
    let all = (0..).zip(messages);
    let all = all.flat_map(|(at, message)| refresh(message, first + 2 * at));
    let all: Vec<_> = all.chain(transaction.clone()).collect();
    if version.fits(payer, &all) {
        return vec![all];
    }
    let apart = messages
        .iter()
        .map(|message| refresh(message, first).into());
    apart.chain([transaction]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_client::{
        directory::Endpoints,
        pro::{FeedPrice, LocalSigner},
    };

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
    fn messages_go_in_front_of_a_transaction_or_ahead_of_it() {
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        risk.feed_count = 1;
        risk.feeds[0].limits = plimsoll_risk::FeedLimits::SIGNED;
        risk.feeds[0].sources.primary.kind = plimsoll::state::feed::oracle_kind::PYTH_PRO;
        let clock = ChainClock {
            slot: 0,
            unix_time: 100,
        };
        let signer = LocalSigner::new(solana_keypair::Keypair::new());
        signer.tell(99_000_000, [FeedPrice::default()]);
        let signed = Signed::from(Arc::new(signer));
        assert!(signed.news_for(&[1], &risk, clock).is_empty());
        let messages = signed.news_for(&[0], &risk, clock);
        assert_eq!(messages.len(), 1);

        let exchange = ExchangeRef::new(0);
        let call = |bytes| Instruction {
            program_id: plimsoll::ID,
            accounts: Vec::new(),
            data: vec![0; bytes],
        };
        for version in [Version::V0, Version::V1] {
            let put = |then: Vec<Instruction>| {
                with_messages(&exchange, &messages, then, &plimsoll::ID, version)
            };
            let pair = messages[0].refresh(&exchange, &[], version.preceding());
            let together = [&pair[..], &[call(9)]].concat();
            assert_eq!(put(vec![call(9)]), [together]);
            let large = vec![call(version.limits().bytes - 250)];
            assert_eq!(put(large.clone()), [pair.to_vec(), large]);
        }
    }

    #[test]
    fn options_go_before_the_directory_which_goes_before_pyths_own_servers() {
        let local = directory(Some("ws://127.0.0.1:9/v1/stream"));
        let mut common = Common::default();
        let access =
            |common: &Common, directory: &Directory| Access::of(common, directory).unwrap();
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
