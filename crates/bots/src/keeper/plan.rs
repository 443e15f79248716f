//! What a turn of refreshes consists of: signed messages with what goes along, accounts, and what has to be left to others.
use std::collections::BTreeSet;

use anchor_lang::solana_program::instruction::Instruction;
use plimsoll::state::{feed::bits, RiskState};
use plimsoll_client::{
    instructions::RefreshEntry,
    pro::{is_signed, subscriptions, Carried},
    rpc::{ChainClock, Exchange},
};

use super::refresh::{Accruals, Age};
use crate::signed::Signed;

/// What to refresh in one turn.
#[derive(Default)]
pub struct Plan {
    /// Messages with news for somebody, each with what goes along as far as there is room: funding and rates that need a price
    /// which is new in the same instruction. What finds no room is due again at the next look.
    pub signed: Vec<(Carried, Vec<Vec<RefreshEntry>>)>,
    /// Everything else, in units that stay together.
    pub units: Vec<Vec<RefreshEntry>>,
    /// Feeds that are due and whose prices come in signed messages, of which there is none.
    pub unheard: BTreeSet<u8>,
}

/// Plans a turn: each feed with the markets that follow it and are to accrue, since funding advances only at a price that is
/// new in the same instruction; then banks. A derived feed's own account, its rate, is read with what accrues only: its price
/// moves with its base.
pub fn plan(
    exchange: &Exchange,
    risk: &RiskState,
    clock: ChainClock,
    due: &[Age],
    accruals: &Accruals,
    messages: Vec<Carried>,
) -> Plan {
    let mut plan = Plan::default();
    let mut carried = BTreeSet::new();
    for message in messages {
        let news: BTreeSet<u8> = message.news(risk, clock).collect();
        if news.is_empty() {
            continue;
        }
        let units = moved_by(&news, risk)
            .into_iter()
            .filter_map(|feed| unit(exchange, risk, clock, feed, accruals));
        plan.signed.push((message, units.collect()));
        carried.extend(news);
    }
    for age in due {
        let Ok(feed) = risk.feed(age.feed) else {
            continue;
        };
        let moves_along = feed.is_derived() && carried.contains(&feed.sources.primary.base);
        if carried.contains(&age.feed) || moves_along {
            continue;
        }
        match unit(exchange, risk, clock, age.feed, accruals) {
            Some(unit) if unit.iter().any(|e| matches!(e, RefreshEntry::Feed(_))) => {
                plan.units.push(unit);
            }
            _ if is_signed(feed) => {
                plan.unheard.insert(age.feed);
            }
            _ => {}
        }
    }
    let banks = accruals
        .banks
        .iter()
        .filter_map(|i| exchange.asset(*i).ok());
    let banks = banks.map(|asset| vec![RefreshEntry::Bank(asset.refs)]);
    plan.units.extend(banks);
    plan
}

/// Feeds, and those that are derived from them.
fn moved_by(feeds: &BTreeSet<u8>, risk: &RiskState) -> BTreeSet<u8> {
    let known = feeds.iter().filter_map(|index| risk.feed(*index).ok());
    let derived = known.flat_map(|feed| bits(feed.derived));
    let derived = derived.filter_map(|index| u8::try_from(index).ok());
    derived.chain(feeds.iter().copied()).collect()
}

/// A feed's accounts, where they are to be read, and its markets that are to accrue.
fn unit(
    exchange: &Exchange,
    risk: &RiskState,
    clock: ChainClock,
    index: u8,
    accruals: &Accruals,
) -> Option<Vec<RefreshEntry>> {
    let feed = risk.feed(index).ok()?;
    let markets = bits(feed.markets).filter_map(|index| u16::try_from(index).ok());
    let markets: Vec<u16> = markets.filter(|i| accruals.markets.contains(i)).collect();
    let accrues = !markets.is_empty() || accruals.banks.contains(&0);
    if feed.is_derived() && feed.is_priced() && !accrues {
        return None;
    }
    let refs = exchange.feed_refs(index, risk, clock);
    let mut unit: Vec<_> = refs.into_iter().map(RefreshEntry::Feed).collect();
    let markets = markets.iter().filter_map(|i| exchange.market(*i).ok());
    unit.extend(markets.map(|market| RefreshEntry::Market(market.refs)));
    (!unit.is_empty()).then_some(unit)
}

/// The two instructions of a message, with as many units as pass.
pub fn signed(
    exchange: &Exchange,
    (message, units): &(Carried, Vec<Vec<RefreshEntry>>),
    before: usize,
    passes: impl Fn(&[Instruction]) -> bool,
) -> [Instruction; 2] {
    let mut entries = Vec::new();
    for unit in units {
        let more = [entries.as_slice(), unit].concat();
        if passes(&message.refresh(&exchange.refs, &more, before)) {
            entries = more;
        }
    }
    message.refresh(&exchange.refs, &entries, before)
}

/// How the source of signed prices does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Hearing {
    /// It speaks, or there is nothing to hear.
    #[default]
    Fresh,
    /// Feeds take signed prices, and no source is named.
    NoSource,
    /// It has no message of some of the feeds.
    Silent,
    /// Its newest message is older than trades allow.
    Late,
}

impl Hearing {
    pub fn of(signed: &Signed, messages: &[Carried], risk: &RiskState, clock: ChainClock) -> Self {
        let wanted = subscriptions(risk).len();
        let now_us = u64::try_from(clock.unix_time).unwrap_or(0) * 1_000_000;
        let is_late = |message: &Carried| {
            let ages = message.feeds().filter_map(|index| risk.feed(index).ok());
            let longest = ages.map(|feed| feed.limits.trade_age_secs).max();
            let longest = u64::from(longest.unwrap_or(0)) * 1_000_000;
            now_us.saturating_sub(message.message.timestamp_us()) > longest
        };
        match (wanted, signed.is_there()) {
            (0, _) => Self::Fresh,
            (_, false) => Self::NoSource,
            _ if messages.len() < wanted => Self::Silent,
            _ if messages.iter().any(is_late) => Self::Late,
            _ => Self::Fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use plimsoll::state::{
        feed::{oracle_kind, NO_FEED},
        market::ContractTerms,
        OracleSource,
    };
    use plimsoll_client::{
        directory::{Directory, DirectoryFeed, Endpoints, VERSION},
        pro::{Behaviour, FeedPrice, LocalSigner},
        rpc::ListedMarket,
        ExchangeRef,
    };
    use plimsoll_risk::FeedLimits;
    use solana_keypair::Keypair;

    const NOW: ChainClock = ChainClock {
        slot: 1,
        unix_time: 1_000,
    };
    /// Feeds: a signed one, one that is derived from it, a posted one, and a signed one that has a posted fallback.
    const BASE: u8 = 0;
    const TOKEN: u8 = 1;
    const POSTED: u8 = 2;
    const BACKED: u8 = 3;

    fn key(byte: u8) -> anchor_lang::prelude::Pubkey {
        [byte; 32].into()
    }

    fn source(kind: u8, number: u8) -> OracleSource {
        let mut feed = [0; 32];
        feed[0] = number;
        OracleSource {
            feed,
            kind,
            cap: NO_FEED,
            ..OracleSource::default()
        }
    }

    /// All prices are four seconds old. Market i follows feed i.
    fn risk() -> Box<RiskState> {
        let mut risk: Box<RiskState> = bytemuck::zeroed_box();
        risk.feed_count = 4;
        for (index, feed) in risk.feeds.iter_mut().take(4).enumerate() {
            feed.limits = FeedLimits::SIGNED;
            (feed.price.spot, feed.price.average) = (1, 1);
            (feed.price.published_ms, feed.price.primary_ms) = (996_000, 996_000);
            feed.markets = 1 << index;
        }
        risk.feeds[0].sources.primary = source(oracle_kind::PYTH_PRO, 7);
        risk.feeds[0].derived = 1 << TOKEN;
        risk.feeds[1].sources.primary = source(oracle_kind::DERIVED, 0);
        risk.feeds[2].sources.primary = source(oracle_kind::PYTH_PULL, 0);
        risk.feeds[3].sources.primary = source(oracle_kind::PYTH_PRO, 9);
        risk
    }

    fn exchange() -> Exchange {
        let refs = ExchangeRef::new(0);
        let feed = |index: u8, account: Option<u8>, fallback: Option<u8>| DirectoryFeed {
            index,
            name: index.to_string(),
            account: account.map(key),
            fallback: fallback.map(key),
        };
        let feeds = vec![
            feed(BASE, None, None),
            feed(TOKEN, Some(11), None),
            feed(POSTED, Some(12), None),
            feed(BACKED, None, Some(13)),
        ];
        let markets = (0..4).map(|index| ListedMarket {
            index,
            name: index.to_string(),
            base: String::new(),
            refs: refs.market(index),
            terms: ContractTerms::default(),
            market: Arc::from(bytemuck::zeroed_box::<plimsoll::state::Market>()),
        });
        Exchange {
            refs,
            directory: Directory {
                version: VERSION,
                name: String::new(),
                program: plimsoll::ID,
                exchange: refs.address,
                feeds: feeds.clone(),
                assets: Vec::new(),
                markets: Vec::new(),
                endpoints: Endpoints::default(),
            },
            feeds,
            assets: Vec::new(),
            markets: markets.collect(),
        }
    }

    /// A signer that was told of both feeds at a second.
    fn told(at: u64) -> Arc<LocalSigner> {
        let signer = LocalSigner::new(Keypair::new());
        let price = |id| FeedPrice {
            id,
            price: 5,
            ..FeedPrice::default()
        };
        signer.tell(at * 1_000_000, [7, 9].map(price));
        Arc::new(signer)
    }

    fn planned(risk: &RiskState, signer: &LocalSigner, markets: &[u16]) -> Plan {
        let due: Vec<Age> = super::super::refresh::ages(risk, NOW);
        let accruals = Accruals {
            markets: markets.iter().copied().collect(),
            ..Accruals::default()
        };
        let messages = Carried::newest(signer, risk, NOW);
        plan(&exchange(), risk, NOW, &due, &accruals, messages)
    }

    /// Numbers of the feeds whose accounts, and of the markets that units hold.
    fn held(units: &[Vec<RefreshEntry>]) -> (Vec<u8>, Vec<u16>) {
        let all = units.concat();
        let feeds = all.iter().filter_map(|entry| match entry {
            RefreshEntry::Feed(feed) => Some(feed.index),
            _ => None,
        });
        let markets = all.iter().filter_map(|entry| match entry {
            RefreshEntry::Market(market) => Some(market.index),
            _ => None,
        });
        (feeds.collect(), markets.collect())
    }

    #[test]
    fn a_message_takes_along_what_needs_its_prices_and_nothing_else() {
        let plan = planned(&risk(), &told(999), &[0, 1, 2]);
        assert_eq!(plan.signed.len(), 1);
        assert_eq!(held(&plan.signed[0].1), (vec![TOKEN], vec![0, 1]));
        assert_eq!(held(&plan.units), (vec![POSTED], vec![2]));
        assert!(plan.unheard.is_empty());
        // Nothing accrues: prices alone.
        let plan = planned(&risk(), &told(999), &[]);
        assert_eq!(held(&plan.signed[0].1), (vec![], vec![]));
        assert_eq!(held(&plan.units), (vec![POSTED], vec![]));
    }

    #[test]
    fn silence_holds_nothing_else_back_and_wakes_the_fallback() {
        let signer = told(999);
        signer.behave(Behaviour::Silent);
        let mut risk = risk();
        let plan = planned(&risk, &signer, &[0]);
        assert!(plan.signed.is_empty());
        assert_eq!(held(&plan.units), (vec![POSTED], vec![]));
        assert_eq!(plan.unheard, [BASE, BACKED].into());
        risk.feeds[usize::from(BACKED)].price.primary_ms = 980_000;
        let plan = planned(&risk, &signer, &[]);
        assert_eq!(held(&plan.units), (vec![POSTED, BACKED], vec![]));
        assert_eq!(plan.unheard, [BASE].into());
    }

    #[test]
    fn a_message_without_news_is_not_carried() {
        for at in [996, 990] {
            let plan = planned(&risk(), &told(at), &[]);
            assert!(plan.signed.is_empty(), "{at}");
            assert_eq!(plan.unheard, [BASE, BACKED].into());
        }
    }

    #[test]
    fn what_does_not_pass_is_left_out_of_a_message() {
        let plan = planned(&risk(), &told(999), &[0, 1]);
        let built = |most: usize| {
            let passes = |pair: &[Instruction]| pair[1].accounts.len() <= most;
            signed(&exchange(), &plan.signed[0], 0, passes)[1]
                .accounts
                .len()
        };
        // The risk state and the message's two accounts; then each market with its book, and the pool.
        assert_eq!((built(3), built(5), built(8)), (3, 5, 8));
    }

    #[test]
    fn says_how_the_source_does() {
        let risk = risk();
        let heard = |signed: &Signed| Hearing::of(signed, &signed.newest(&risk, NOW), &risk, NOW);
        let from = |signer: &Arc<LocalSigner>| Signed::from(signer.clone());
        assert_eq!(heard(&Signed::default()), Hearing::NoSource);
        let signer = told(999);
        assert_eq!(heard(&from(&signer)), Hearing::Fresh);
        signer.behave(Behaviour::Silent);
        assert_eq!(heard(&from(&signer)), Hearing::Silent);
        let late = told(900);
        late.behave(Behaviour::Late(20_000_000));
        assert_eq!(heard(&from(&late)), Hearing::Late);
        let none: Box<RiskState> = bytemuck::zeroed_box();
        let nothing = Signed::default();
        assert_eq!(Hearing::of(&nothing, &[], &none, NOW), Hearing::Fresh);
    }
}
