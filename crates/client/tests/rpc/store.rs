//! What a store holds and says of itself while its node lags, forgets, cannot notify or goes away.
use std::time::{Duration, Instant};

use anchor_lang::{prelude::Pubkey, Discriminator};
use plimsoll::state::MarginAccount;
use plimsoll_client::{
    directory::{Directory, Endpoints, VERSION},
    rpc::{
        Change, Connection, Exchange, Feed, Select, Store, StoreConfig, StoreHandle, StoreStatus,
    },
    ExchangeRef,
};
use tokio::time::{sleep, timeout};

use crate::{
    node::{Node, Script},
    notifier::{Notifier, Plan},
};

const OFTEN: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3_600);
/// Longest wait for what has to happen.
const PATIENCE: Duration = Duration::from_secs(10);
const ALICE: Pubkey = Pubkey::new_from_array([1; 32]);
const BOB: Pubkey = Pubkey::new_from_array([2; 32]);

/// A margin account that can be told apart by a number.
fn account(flagged_at: i64) -> Vec<u8> {
    let mut account: Box<MarginAccount> = bytemuck::zeroed_box();
    account.flagged_at = flagged_at;
    [MarginAccount::DISCRIMINATOR, bytemuck::bytes_of(&*account)].concat()
}

/// A node as of slot 10 with one account.
fn node() -> Node {
    Node::start(Script {
        slot: 10,
        accounts: [(ALICE, account(1))].into(),
        ..Script::default()
    })
}

fn rarely() -> StoreConfig {
    StoreConfig {
        select: Select {
            margin_accounts: true,
            risk_state: false,
            markets: false,
            books: false,
            fill_queues: false,
            banks: false,
        },
        census_every: NEVER,
        audit_every: NEVER,
        poll_every: NEVER,
    }
}

fn follow(node: &Node, notifier: &Notifier, config: StoreConfig) -> StoreHandle {
    let refs = ExchangeRef::new(0);
    let directory = Directory {
        version: VERSION,
        name: "Scripted".into(),
        program: plimsoll::ID,
        exchange: refs.address,
        feeds: Vec::new(),
        assets: Vec::new(),
        markets: Vec::new(),
        endpoints: Endpoints {
            rpc: node.url.clone(),
            ws: Some(notifier.url.clone()),
            history: None,
            local: None,
            pro: None,
        },
    };
    let exchange = Exchange {
        refs,
        directory,
        feeds: Vec::new(),
        assets: Vec::new(),
        markets: Vec::new(),
    };
    let connection = Connection::new(&node.url, Some(notifier.url.clone()));
    Store::start(&connection, &exchange, config)
}

/// Waits until the store's status is as it should be.
async fn until(store: &StoreHandle, what: impl Fn(&StoreStatus) -> bool) -> StoreStatus {
    let began = Instant::now();
    loop {
        let status = store.status();
        if what(&status) {
            return status;
        }
        assert!(began.elapsed() < PATIENCE, "still {status:?}");
        sleep(Duration::from_millis(2)).await;
    }
}

fn number(store: &StoreHandle, address: &Pubkey) -> Option<i64> {
    store.margin_account(address).map(|found| found.flagged_at)
}

#[tokio::test]
async fn an_older_snapshot_never_overwrites_a_newer_notification() {
    let (node, notifier) = (node(), Notifier::start(Plan::default()));
    let often = StoreConfig {
        audit_every: OFTEN,
        ..rarely()
    };
    let store = follow(&node, &notifier, often);
    until(&store, |s| s.feed == Feed::Subscribed && s.ready).await;
    assert_eq!(number(&store, &ALICE), Some(1));
    notifier.plan().tell.push((ALICE, 20, account(2)));
    let told = until(&store, |s| s.notifications == 1).await;
    // The node goes on to answer as of slot 10, round after round.
    until(&store, |s| s.reads >= told.reads + 4).await;
    assert_eq!(number(&store, &ALICE), Some(2));
    assert_eq!(store.status().last_slot, 20);
    // Once it has caught up, its answers count.
    node.script().slot = 21;
    node.script().accounts.insert(ALICE, account(3));
    until(&store, |_| number(&store, &ALICE) == Some(3)).await;
}

#[tokio::test]
async fn a_closed_account_disappears_with_the_next_census() {
    let (node, notifier) = (node(), Notifier::start(Plan::default()));
    node.script().accounts.insert(BOB, account(2));
    let often = StoreConfig {
        census_every: OFTEN,
        ..rarely()
    };
    let store = follow(&node, &notifier, often);
    until(&store, |s| s.feed == Feed::Subscribed && s.ready).await;
    assert_eq!(store.status().margin_accounts, 2);
    let mut changes = store.subscribe();
    {
        let mut script = node.script();
        script.slot = 11;
        script.accounts.remove(&BOB);
    }
    let change = timeout(PATIENCE, changes.recv()).await.unwrap();
    assert_eq!(change, Ok(Change::MarginAccountClosed(BOB)));
    assert_eq!(number(&store, &BOB), None);
    assert_eq!(number(&store, &ALICE), Some(1));
}

#[tokio::test]
async fn a_node_that_cannot_notify_is_polled() {
    let notifier = Notifier::start(Plan {
        unsupported: true,
        ..Plan::default()
    });
    let node = node();
    let often = StoreConfig {
        poll_every: OFTEN,
        ..rarely()
    };
    let store = follow(&node, &notifier, often);
    let status = until(&store, |s| s.feed == Feed::Polling && s.ready).await;
    assert!(status.connected);
    assert_eq!(status.last_error, None);
    node.script().slot = 11;
    node.script().accounts.insert(ALICE, account(5));
    until(&store, |_| number(&store, &ALICE) == Some(5)).await;
    let status = store.status();
    assert_eq!((status.notifications, status.reconnects), (0, 0));
}

#[tokio::test]
async fn the_last_error_is_forgotten_once_reading_works_again() {
    let (node, notifier) = (node(), Notifier::start(Plan::default()));
    node.script().down = true;
    let store = follow(&node, &notifier, rarely());
    let status = until(&store, |s| s.last_error.is_some()).await;
    assert!(!status.ready);
    let error = status.last_error.unwrap();
    assert!(error.contains("the node is behind"), "{error}");
    node.script().down = false;
    let status = until(&store, |s| s.ready && s.last_error.is_none()).await;
    assert_eq!(status.margin_accounts, 1);
}

#[tokio::test]
async fn the_last_error_is_forgotten_once_the_node_notifies_again() {
    let (node, notifier) = (node(), Notifier::start(Plan::default()));
    let store = follow(&node, &notifier, rarely());
    until(&store, |s| s.feed == Feed::Subscribed && s.ready).await;
    {
        let mut plan = notifier.plan();
        (plan.hang_up, plan.away) = (true, true);
    }
    let status = until(&store, |s| s.feed == Feed::Reconnecting).await;
    assert!(!status.connected && status.last_error.is_some());
    notifier.plan().away = false;
    let status = until(&store, |s| s.feed == Feed::Subscribed).await;
    assert_eq!(status.last_error, None);
    assert!(status.reconnects >= 1);
    notifier.plan().tell.push((BOB, 12, account(7)));
    until(&store, |_| number(&store, &BOB) == Some(7)).await;
}
