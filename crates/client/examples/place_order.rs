//! Places an order, with the prices that it needs refreshed in the same transaction.
//!
//! cargo run --example place_order -- --market SOL-PERP --side buy --size 2 --limit 189.50
mod common;

use anchor_lang::prelude::Pubkey;
use common::{connect, wallet, Arguments, Outcome};
use plimsoll::{
    events::OrderFilled,
    orders::terms::{OrderSide, OrderTerms, OrderType, SelfTradeBehavior},
    state::{Book, MarginAccount, RiskState},
};
use plimsoll_client::{
    events, instructions,
    rpc::{Entries, Freshness},
};
use solana_signer::Signer;

const USAGE: &str = "place_order [--directory URL|FILE] [--keypair FILE] [--market SOL-PERP] \
                     [--side buy|sell] [--size 1] [--limit PRICE]";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome {
    let arguments = Arguments::read(USAGE)?;
    let (connection, exchange) = connect(&arguments).await?;
    let (wallet, sender) = wallet(&arguments, &connection)?;
    let market = exchange.market_named(arguments.or("market", "SOL-PERP"))?;
    let price_lot = market.price_per_lot(exchange.quote()?.decimals);
    let size: f64 = arguments.or("size", "1").parse()?;
    let (side, worst) = match arguments.or("side", "buy") {
        "buy" => (OrderSide::Bid, u64::MAX),
        "sell" => (OrderSide::Ask, 0),
        _ => return Err(USAGE.into()),
    };

    // With a limit what does not trade rests; without one it takes what the band around the oracle allows.
    let limit: Option<f64> = arguments.get("limit").map(str::parse).transpose()?;
    // docs: terms
    let terms = OrderTerms {
        side,
        price: limit.map_or(worst, |usd| (usd / price_lot).round() as u64),
        lots: (size / market.base_per_lot()).round() as i64,
        kind: limit.map_or(OrderType::Market, |_| OrderType::Limit),
        max_quote: None,
        reduce_only: false,
        expiry: 0,
        client_id: 1,
        self_trade: SelfTradeBehavior::CancelProvide,
        max_fills: 16,
    };
    // docs: end

    // docs: place
    // Stale prices are refreshed before the order needs them. Makers whose accounts come along are settled in place: as
    // many as there is room for.
    let address = exchange.refs.margin_account(&wallet.pubkey(), 0);
    let account = connection.fetch::<MarginAccount>(&address).await?;
    let risk = connection
        .fetch::<RiskState>(&exchange.refs.risk_state)
        .await?;
    let book = connection.fetch::<Book>(&market.refs.book).await?;
    let clock = connection.clock().await?;
    let more = Entries::default().and_market(market.index);
    let version = sender.version().await;
    let mut all = exchange.refresh_due(&account, &more, &risk, clock, Freshness::TRADE, version);
    let (refs, signer) = (&exchange.refs, wallet.pubkey());
    let place = |makers: &[Pubkey]| {
        instructions::place_order(refs, signer, address, &market.refs, terms, makers)
    };
    let room = sender.room(&[all.as_slice(), &[place(&[])]].concat()).await;
    all.push(place(&exchange.makers_for(&terms, &address, &book, room)));
    // docs: end

    // One transaction, unless the account is in so many markets that its refreshes need some of their own.
    // docs: send
    for landed in sender.send_all(all, &[]).await? {
        println!("transaction {} in slot {}", landed.signature, landed.slot);
        let filled = events::of_kind::<OrderFilled>(&landed.logs);
        for fill in filled.iter().flat_map(|order| &order.fills) {
            let (size, price) = (fill.lots as f64 * market.base_per_lot(), fill.price as f64);
            println!("  {size} {} at {:.4}", market.base, price * price_lot);
        }
    }
    // docs: end
    Ok(())
}
