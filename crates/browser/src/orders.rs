//! Previews of orders and cancels.
use anchor_lang::prelude::Pubkey;
use plimsoll::{
    orders::terms::{OrderRef, OrderSide, OrderTerms, OrderType, SelfTradeBehavior},
    state::{Book, Delegation, FillQueueAccount, MarginAccount, Market},
};
use plimsoll_client::{
    errors::Refusal,
    health::Stale,
    preview::{self, CancelCase, CancelPreview, Cancels, Ended, OrderCase, OrderPreview},
    stress::Underlying,
};
use plimsoll_risk::Side;
use serde::{Deserialize, Serialize};

use crate::{
    funds::StandingOutput,
    input::{integer, optional_integer, Address, At, Part, Parts},
    output::{json, Answer, Failure},
};

/// An order's side.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SideInput {
    Bid,
    Ask,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum KindInput {
    Limit,
    PostOnly,
    PostOnlySlide,
    ImmediateOrCancel,
    FillOrKill,
    Market,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SelfTradeInput {
    #[default]
    DecrementAndCancel,
    CancelProvide,
    AbortTransaction,
}

/// Terms of an order, as the program takes them.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TermsInput {
    side: SideInput,
    #[serde(deserialize_with = "integer")]
    price: u64,
    #[serde(deserialize_with = "integer")]
    lots: i64,
    kind: KindInput,
    #[serde(default, deserialize_with = "optional_integer")]
    max_quote: Option<u64>,
    #[serde(default)]
    reduce_only: bool,
    #[serde(default)]
    expiry: u32,
    #[serde(default, deserialize_with = "integer")]
    client_id: u64,
    #[serde(default)]
    self_trade: SelfTradeInput,
    #[serde(default = "most_fills")]
    max_fills: u8,
}

const fn most_fills() -> u8 {
    u8::MAX
}

impl From<TermsInput> for OrderTerms {
    fn from(input: TermsInput) -> Self {
        Self {
            side: match input.side {
                SideInput::Bid => OrderSide::Bid,
                SideInput::Ask => OrderSide::Ask,
            },
            price: input.price,
            lots: input.lots,
            kind: match input.kind {
                KindInput::Limit => OrderType::Limit,
                KindInput::PostOnly => OrderType::PostOnly,
                KindInput::PostOnlySlide => OrderType::PostOnlySlide,
                KindInput::ImmediateOrCancel => OrderType::ImmediateOrCancel,
                KindInput::FillOrKill => OrderType::FillOrKill,
                KindInput::Market => OrderType::Market,
            },
            max_quote: input.max_quote,
            reduce_only: input.reduce_only,
            expiry: input.expiry,
            client_id: input.client_id,
            self_trade: match input.self_trade {
                SelfTradeInput::DecrementAndCancel => SelfTradeBehavior::DecrementAndCancel,
                SelfTradeInput::CancelProvide => SelfTradeBehavior::CancelProvide,
                SelfTradeInput::AbortTransaction => SelfTradeBehavior::AbortTransaction,
            },
            max_fills: input.max_fills,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrderInput {
    risk_state: Part,
    market: Part,
    book: Part,
    fill_queue: Part,
    margin_account: Part,
    address: Address,
    trader: Address,
    /// Where a delegate signs.
    #[serde(default)]
    delegation: Option<Part>,
    #[serde(default)]
    makers: Vec<MakerInput>,
    clock: At,
    terms: TermsInput,
    #[serde(default)]
    underlying: Option<Underlying>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MakerInput {
    address: Address,
    margin_account: Part,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FillOutput {
    maker: String,
    order_id: u64,
    price: u64,
    lots: i64,
    settled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderOutput {
    refusal: Option<Refusal>,
    stale: Vec<Stale>,
    order_id: u64,
    limit: u64,
    fills: Vec<FillOutput>,
    filled_lots: i64,
    filled_quote: i64,
    average_price: Option<f64>,
    fee: i64,
    resting_lots: i64,
    resting_price: u64,
    decremented_lots: i64,
    dropped_lots: i64,
    ended: Option<Ended>,
    before: StandingOutput,
    after: Option<StandingOutput>,
}

/// What an order would come to.
pub fn preview_order(parts: &Parts) -> Answer {
    with_case(parts, |case, terms| {
        let preview = case.preview(terms)?;
        json(&order_output(preview))
    })
}

#[derive(Serialize)]
struct MaxOutput {
    lots: i64,
    limit: Option<Refusal>,
}

/// The largest size of an order of these terms, and what stands in the way of more.
pub fn max_order(parts: &Parts) -> Answer {
    with_case(parts, |case, terms| {
        let most = case.max_lots(terms);
        json(&MaxOutput {
            lots: most.lots,
            limit: most.limit,
        })
    })
}

fn with_case(parts: &Parts, run: impl FnOnce(&OrderCase, &OrderTerms) -> Answer) -> Answer {
    let input: OrderInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    let market = parts.account::<Market>(input.market)?;
    let book = parts.account::<Book>(input.book)?;
    let fill_queue = parts.account::<FillQueueAccount>(input.fill_queue)?;
    let account = parts.account::<MarginAccount>(input.margin_account)?;
    let delegation = delegation(parts, input.delegation)?;
    let mut makers = Vec::with_capacity(input.makers.len());
    for maker in &input.makers {
        let account = parts.account::<MarginAccount>(maker.margin_account)?;
        makers.push((maker.address.0, account));
    }
    let makers: Vec<(Pubkey, &MarginAccount)> = makers
        .iter()
        .map(|(key, account)| (*key, &**account))
        .collect();
    let case = OrderCase {
        risk: &risk,
        market: &market,
        book: &book,
        fill_queue: &fill_queue,
        account_key: input.address.0,
        account: &account,
        trader: input.trader.0,
        delegation: delegation.as_deref(),
        makers: &makers,
        clock: &input.clock.clock(),
        underlying: input.underlying.as_ref(),
    };
    run(&case, &input.terms.into())
}

fn delegation(parts: &Parts, part: Option<Part>) -> Result<Option<Box<Delegation>>, Failure> {
    part.map(|part| parts.account::<Delegation>(part))
        .transpose()
}

fn order_output(preview: OrderPreview) -> OrderOutput {
    let fills = preview.fills.iter().map(|fill| FillOutput {
        maker: fill.maker.to_string(),
        order_id: fill.order_id,
        price: fill.price,
        lots: fill.lots,
        settled: fill.settled,
    });
    OrderOutput {
        order_id: preview.order_id,
        limit: preview.limit,
        fills: fills.collect(),
        filled_lots: preview.filled_lots,
        filled_quote: preview.filled_quote,
        average_price: preview.average_price(),
        fee: preview.fee,
        resting_lots: preview.resting_lots,
        resting_price: preview.resting_price,
        decremented_lots: preview.decremented_lots,
        dropped_lots: preview.dropped_lots,
        ended: preview.ended,
        before: preview.before.into(),
        after: preview.after.map(StandingOutput::from),
        refusal: preview.refusal,
        stale: preview.stale,
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CancelInput {
    risk_state: Part,
    book: Part,
    margin_account: Part,
    address: Address,
    trader: Address,
    /// Where a delegate signs.
    #[serde(default)]
    delegation: Option<Part>,
    clock: At,
    /// One order; without it, all of a side or of both.
    #[serde(default, deserialize_with = "optional_integer")]
    order_id: Option<u64>,
    #[serde(default)]
    side: Option<SideInput>,
    #[serde(default)]
    underlying: Option<Underlying>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CancelOutput {
    refusal: Option<Refusal>,
    cancelled: u16,
    waiting: u16,
    before: StandingOutput,
    after: StandingOutput,
}

/// What cancelling an order, or all orders of a market, would come to.
pub fn preview_cancel(parts: &Parts) -> Answer {
    let input: CancelInput = parts.header()?;
    let risk = input.clock.risk(parts, input.risk_state)?;
    let book = parts.account::<Book>(input.book)?;
    let account = parts.account::<MarginAccount>(input.margin_account)?;
    let delegation = delegation(parts, input.delegation)?;
    let case = CancelCase {
        risk: &risk,
        book: &book,
        account_key: input.address.0,
        account: &account,
        trader: input.trader.0,
        delegation: delegation.as_deref(),
        clock: &input.clock.clock(),
        underlying: input.underlying.as_ref(),
    };
    let side = input.side.map(|side| match side {
        SideInput::Bid => Side::Bid,
        SideInput::Ask => Side::Ask,
    });
    let what = match input.order_id {
        Some(id) => Cancels::One(OrderRef::Id(id)),
        None => Cancels::All(side),
    };
    let preview: CancelPreview = preview::cancel(&case, what).map_err(Failure::from)?;
    json(&CancelOutput {
        refusal: preview.refusal,
        cancelled: preview.cancelled,
        waiting: preview.waiting,
        before: preview.before.into(),
        after: preview.after.into(),
    })
}
