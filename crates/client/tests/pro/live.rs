//! Messages from servers that come and go, and send what they should not.
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use plimsoll_client::pro::{
    AccessToken, Channel, FeedPrice, Live, LiveConfig, LiveStatus, Payload, ProSource,
    SignedMessage,
};
use pyth_lazer_protocol::{api, time::FixedRate, PriceFeedId, PriceFeedProperty};
use solana_keypair::Keypair;
use tungstenite::Message;

use crate::server::{update, Server, TOKEN};

const SECOND: u64 = 1_000_000;

fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_micros() as u64
}

fn message(timestamp_us: u64, ids: &[u32]) -> SignedMessage {
    let feeds = ids.iter().map(|id| FeedPrice {
        id: *id,
        price: 7,
        conf: 1,
        exponent: -8,
        publishers: 5,
        updated_us: Some(timestamp_us),
    });
    let payload = Payload {
        timestamp_us,
        channel: 3,
        feeds: feeds.collect(),
    };
    let key = Keypair::new_from_array([3; 32]);
    SignedMessage::sign(&key, payload.encode().unwrap()).unwrap()
}

fn config(urls: &[&str]) -> LiveConfig {
    LiveConfig {
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        token: AccessToken::new(TOKEN),
        channel: Channel::Every200Ms,
        subscriptions: vec![vec![1, 2], vec![2]],
    }
}

fn listen(server: &Server) -> Live {
    Live::start(config(&[&server.url])).unwrap()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what} does not come true");
}

async fn until_status(live: &Live, holds: impl Fn(&LiveStatus) -> bool) -> LiveStatus {
    let reached = || holds(&live.status());
    until("the status", reached).await;
    live.status()
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribes_as_pyth_expects_and_gives_the_newest_of_what_comes() {
    let server = Server::start();
    let live = listen(&server);
    until("both subscriptions", || server.plan().requests.len() == 2).await;
    for (index, feeds) in [(0, vec![1, 2]), (1, vec![2])] {
        let request = server.plan().requests[index].clone();
        assert_eq!(request.subscription_id.0, index as u64);
        let params = &*request.params;
        let ids = feeds.into_iter().map(PriceFeedId).collect::<Vec<_>>();
        assert_eq!(params.price_feed_ids, Some(ids));
        assert_eq!(params.formats, [api::Format::Solana]);
        assert_eq!(params.delivery_format, api::DeliveryFormat::Json);
        assert_eq!(
            params.channel,
            api::Channel::FixedRate(FixedRate::RATE_200_MS)
        );
        assert!(!params.parsed && !params.ignore_invalid_feeds);
        for needed in [
            PriceFeedProperty::Price,
            PriceFeedProperty::Confidence,
            PriceFeedProperty::Exponent,
            PriceFeedProperty::PublisherCount,
            PriceFeedProperty::FeedUpdateTimestamp,
        ] {
            assert!(params.properties.contains(&needed));
        }
    }
    let now = now_us();
    let (both, one) = (message(now, &[1, 2]), message(now, &[2]));
    server.send(0, &message(now - SECOND, &[1, 2]));
    server.send(0, &both);
    server.send(1, &one);
    let status = until_status(&live, |status| status.messages == 3).await;
    assert_eq!(
        (status.connected, status.refused, status.failures),
        (1, 0, 0)
    );
    assert_eq!(*live.newest(&[1], now).unwrap(), both);
    assert_eq!(
        *live.newest(&[2], now).unwrap(),
        one,
        "the shorter of two of one time"
    );
    assert_eq!(
        live.newest(&[1], now - 1).unwrap().timestamp_us(),
        now - SECOND
    );
    assert!(live.newest(&[2, 3], now).is_none() && live.newest(&[1], now - 2 * SECOND).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_away_is_covered_by_another_and_connected_to_again() {
    let servers = [Server::start(), Server::start()];
    let live = Live::start(config(&[&servers[0].url, &servers[1].url])).unwrap();
    until_status(&live, |status| status.connected == 2).await;
    let first = message(now_us(), &[1, 2]);
    servers.iter().for_each(|server| server.send(0, &first));
    until("both have sent", || {
        servers.iter().all(|server| server.plan().send.is_empty())
    })
    .await;
    assert_eq!(
        until_status(&live, |status| status.messages == 1)
            .await
            .refused,
        0
    );

    servers[0].plan().hang_up = true;
    until_status(&live, |status| status.failures == 1).await;
    let second = message(now_us(), &[1, 2]);
    servers[1].send(0, &second);
    until("the other's message", || {
        live.newest(&[1], u64::MAX)
            .is_some_and(|newest| *newest == second)
    })
    .await;
    until_status(&live, |status| status.connected == 2).await;
    assert_eq!(servers[0].plan().connections, 2);
    let third = message(now_us(), &[1, 2]);
    servers[0].send(0, &third);
    until("the first server's message", || {
        live.newest(&[1], u64::MAX)
            .is_some_and(|newest| *newest == third)
    })
    .await;
    assert_eq!(live.status().messages, 3, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_subscription_or_token_is_told_and_tried_again() {
    let server = Server::start();
    server.plan().refuse = Some("not entitled".into());
    let live = listen(&server);
    let status = until_status(&live, |status| status.failures >= 2).await;
    assert!(status.error.unwrap().contains("not entitled"));
    server.plan().refuse = None;
    until("a subscription", || server.plan().connections >= 3).await;
    let good = message(now_us(), &[1, 2]);
    server.send(0, &good);
    until("its message", || live.newest(&[1, 2], u64::MAX).is_some()).await;

    let stranger = LiveConfig {
        token: AccessToken::new("another-token"),
        ..config(&[&server.url])
    };
    let stranger = Live::start(stranger).unwrap();
    let status = until_status(&stranger, |status| status.failures >= 1).await;
    let error = status.error.unwrap();
    assert!(
        error.contains("401") && !error.contains("another-token"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn takes_nothing_that_was_not_asked_for() {
    let server = Server::start();
    let live = listen(&server);
    until_status(&live, |status| status.connected == 1).await;
    let now = now_us();
    let good = message(now, &[1, 2]);
    let mut forged = good.encode();
    forged[10] ^= 1;
    let forged = SignedMessage::decode(&forged).unwrap();
    let nonsense = [
        update(0, &forged),
        update(0, &message(now, &[1])),
        update(2, &good),
        update(u64::MAX, &good),
        update(0, &message(now + 3_600 * SECOND, &[1, 2])),
        Message::text("no JSON"),
        Message::text(r#"{"type":"streamUpdated","subscriptionId":0}"#),
        Message::text(
            r#"{"type":"streamUpdated","subscriptionId":0,"solana":{"encoding":"hex","data":"00"}}"#,
        ),
        Message::text(
            r#"{"type":"streamUpdated","subscriptionId":0,"solana":{"encoding":"base64","data":"AA=="}}"#,
        ),
        Message::binary(vec![1, 2, 3]),
    ];
    let count = nonsense.len() as u64;
    server.plan().send = nonsense.into();
    let status = until_status(&live, |status| status.refused == count).await;
    assert_eq!((status.messages, status.connected), (0, 1));
    assert!(live.newest(&[], u64::MAX).is_none());
    server.send(0, &good);
    until_status(&live, |status| status.messages == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn holds_no_more_than_it_should() {
    let server = Server::start();
    let live = listen(&server);
    until_status(&live, |status| status.connected == 1).await;
    let now = now_us();
    for age in 0..100 {
        server.send(0, &message(now - age, &[1, 2]));
        server.send(0, &message(now + 1 + age, &[1, 2]));
    }
    until("all is sent", || server.plan().send.is_empty()).await;
    until("the newest", || {
        live.newest(&[1], u64::MAX)
            .is_some_and(|newest| newest.timestamp_us() == now + 100)
    })
    .await;
    assert!(live.newest(&[1], now + 36).is_none(), "64 are kept");
    assert!(live.newest(&[1], now + 37).is_some());

    // A frame too long ends the connection.
    server
        .plan()
        .send
        .push(Message::text("x".repeat(65 * 1024)));
    let status = until_status(&live, |status| status.failures == 1).await;
    assert!(status.error.unwrap().contains("long"));
    until_status(&live, |status| status.connected == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_only_breathes_is_left() {
    let server = Server::start();
    let live = listen(&server);
    until_status(&live, |status| status.connected == 1).await;
    for _ in 0..30 {
        server.plan().send.push(Message::Ping(vec![].into()));
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    let status = until_status(&live, |status| status.failures == 1).await;
    assert!(status.error.unwrap().contains("silent"));
    until("another connection", || server.plan().connections == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_connection_that_cannot_be_made_is_a_failure_like_others() {
    let server = Server::start();
    let url = server.url.replace("ws://", "wss://");
    let live = Live::start(config(&[&url])).unwrap();
    let status = until_status(&live, |status| status.failures >= 1).await;
    assert!(status.error.unwrap().starts_with(&url));
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_it_ends_the_connections() {
    let server = Server::start();
    let live = listen(&server);
    until_status(&live, |status| status.connected == 1).await;
    drop(live);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(server.plan().connections, 1);
}
