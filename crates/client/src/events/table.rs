//! Every event of the program as an indexer stores it: its name and its fields as JSON.
use anchor_lang::{
    prelude::{borsh::BorshDeserialize, Pubkey},
    Discriminator,
};
use plimsoll::{
    events::*,
    orders::report::{CancelledOrder, MakerFill},
};
use serde_json::{Map, Value};

/// An event of any kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// Name of the event, as `Deposited`.
    pub kind: &'static str,
    /// The fields by their names in camel case: integers as decimal strings, addresses in base58.
    pub data: Map<String, Value>,
    /// The fields that are addresses, by their names in the program.
    pub keys: Vec<(&'static str, Pubkey)>,
}

impl Described {
    fn new(kind: &'static str) -> Self {
        Self {
            kind,
            data: Map::new(),
            keys: Vec::new(),
        }
    }

    /// The address in a field, if the event has such a field.
    pub fn key(&self, field: &str) -> Option<Pubkey> {
        let found = self.keys.iter().find(|(name, _)| *name == field);
        found.map(|(_, key)| *key)
    }

    fn add(&mut self, name: &'static str, field: &impl Field) {
        self.data.insert(camel_case(name), field.json());
        field.add_keys(name, &mut self.keys);
    }
}

/// Something that an event can have as a field.
trait Field {
    fn json(&self) -> Value;

    /// Adds the addresses in it.
    fn add_keys(&self, _name: &'static str, _keys: &mut Vec<(&'static str, Pubkey)>) {}
}

impl Field for Pubkey {
    fn json(&self) -> Value {
        self.to_string().into()
    }

    fn add_keys(&self, name: &'static str, keys: &mut Vec<(&'static str, Pubkey)>) {
        keys.push((name, *self));
    }
}

impl Field for bool {
    fn json(&self) -> Value {
        (*self).into()
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {
        $(impl Field for $integer {
            fn json(&self) -> Value {
                self.to_string().into()
            }
        })*
    };
}
integers!(u8, u16, u32, u64, i64);

impl Field for Vec<MakerFill> {
    fn json(&self) -> Value {
        let fill = |fill: &MakerFill| {
            serde_json::json!({
                "maker": fill.maker.json(),
                "makerOrderId": fill.maker_order_id.json(),
                "price": fill.price.json(),
                "lots": fill.lots.json(),
                "makerFee": fill.maker_fee.json(),
                "settled": fill.settled,
            })
        };
        self.iter().map(fill).collect()
    }

    fn add_keys(&self, _: &'static str, keys: &mut Vec<(&'static str, Pubkey)>) {
        keys.extend(self.iter().map(|fill| ("maker", fill.maker)));
    }
}

impl Field for Vec<CancelledOrder> {
    fn json(&self) -> Value {
        let order = |order: &CancelledOrder| {
            serde_json::json!({
                "orderId": order.order_id.json(),
                "clientId": order.client_id.json(),
                "lots": order.lots.json(),
            })
        };
        self.iter().map(order).collect()
    }
}

/// Makes [`KINDS`] and [`describe`]. Each row is taken apart with all of its fields, so a row that lacks a field does not
/// compile.
macro_rules! table {
    ($($kind:ident { $($field:ident),* })*) => {
        /// Names of all events.
        pub const KINDS: &[&str] = &[$(stringify!($kind)),*];

        /// Reads what the program logged as data; `None` when it is no event of this version of the program.
        pub fn describe(payload: &[u8]) -> Option<Described> {
            $(if let Some(body) = payload.strip_prefix($kind::DISCRIMINATOR) {
                let $kind { $($field),* } = $kind::try_from_slice(body).ok()?;
                let mut event = Described::new(stringify!($kind));
                $(event.add(stringify!($field), &$field);)*
                return Some(event);
            })*
            None
        }
    };
}

table! {
    ExchangeCreated { exchange, authority }
    ExchangeEdited { exchange, authority, guardian, change_delay }
    AssetListed { exchange, bank, mint, asset }
    AssetEdited { bank, asset }
    MarketCreated { exchange, market, index }
    MarketEdited { market, index }
    PortfolioModelEdited { exchange }
    UnderlyingEdited { exchange, underlying }
    UnderlyingAssigned { exchange, index, is_market, underlying, samples }
    ModeSet { account, mode, by }
    ChangeProposed { exchange, pending_change, ready_at }
    ChangeCancelled { exchange, pending_change, by }
    InsuranceFunded { exchange, amount }
    FeesCollected { account, fees, insurance }
    RefreshSkipped { account, feed, reason }
    FeedListed { exchange, feed }
    FeedEdited { exchange, feed }
    MarginAccountCreated { margin_account, owner, sub_account }
    MarginAccountClosed { margin_account, owner }
    DelegateSet { margin_account, delegate, scope, markets, expires_at, loss_per_day, rest_secs, least_equity }
    DelegateRevoked { margin_account, delegate }
    MarginModeSet { margin_account, mode }
    Deposited { margin_account, asset, amount, shares }
    Withdrawn { margin_account, asset, amount, borrowed, shares }
    Transferred { from, to, asset, amount }
    OrderPlaced {
        margin_account, market, order_id, client_id, side, price, filled_lots, filled_quote, fee, resting_lots
    }
    OrdersCancelled { margin_account, market, orders }
    OrderFilled { market, taker, taker_order_id, maker_side, fills }
    FillsSettled { margin_account, market, count }
    PnlSettled { margin_account, market, amount }
    LiquidationFlag { margin_account, flagged, maintenance_health, liquidation_end_health }
    PositionLiquidated {
        margin_account, liquidator, market, lots, notional, fee, insurance_fee, liquidation_end_health, top_up
    }
    CollateralLiquidated {
        margin_account, liquidator, collateral, collateral_is_pnl, seized, insurance, debt, debt_is_pnl, repaid,
        liquidation_end_health, top_up
    }
    DustForfeited { margin_account, asset, amount }
    BankruptcyResolved { margin_account, index, is_pnl, loss, from_insurance, from_fees, socialized }
    EpochOpened { market, epoch, shortfall, price }
    ProfitsMarked { market, epoch, marked, uncovered, covered }
    ShortfallShared { market, epoch, profits, given_up, left }
    BankRestocked { bank, seller, amount, paid, socialized }
    PositionsClosedOut { market, long, short, lots, notional }
    DebtClosedOut { asset, depositor, debtor, amount, paid, received }
}

/// `margin_account` as `marginAccount`.
fn camel_case(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut raise = false;
    for letter in name.chars() {
        if letter == '_' {
            raise = true;
        } else if std::mem::take(&mut raise) {
            out.push(letter.to_ascii_uppercase());
        } else {
            out.push(letter);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use anchor_lang::Event;

    /// An event that the program gets and the table does not would silently be missing from every history.
    #[test]
    fn has_a_row_for_every_event_of_the_program() {
        let source = include_str!("../../../../programs/plimsoll/src/events.rs");
        let mut declared: Vec<&str> = source
            .lines()
            .filter_map(|line| line.strip_prefix("pub struct "))
            .filter_map(|rest| rest.strip_suffix(" {"))
            .collect();
        let mut rows = KINDS.to_vec();
        assert_eq!(declared.len(), source.matches("#[event]").count());
        declared.sort_unstable();
        rows.sort_unstable();
        assert_eq!(declared, rows);
    }

    #[test]
    fn describes_fields_exactly() {
        let event = CollateralLiquidated {
            margin_account: Pubkey::new_from_array([1; 32]),
            liquidator: Pubkey::new_from_array([2; 32]),
            collateral: 3,
            collateral_is_pnl: true,
            seized: u64::MAX,
            insurance: 5,
            debt: 0,
            debt_is_pnl: false,
            repaid: 7,
            liquidation_end_health: i64::MIN,
            top_up: 0,
        };
        let read = describe(&event.data()).unwrap();
        assert_eq!(read.kind, "CollateralLiquidated");
        let expected = serde_json::json!({
            "marginAccount": Pubkey::new_from_array([1; 32]).to_string(),
            "liquidator": Pubkey::new_from_array([2; 32]).to_string(),
            "collateral": "3",
            "collateralIsPnl": true,
            "seized": "18446744073709551615",
            "insurance": "5",
            "debt": "0",
            "debtIsPnl": false,
            "repaid": "7",
            "liquidationEndHealth": "-9223372036854775808",
            "topUp": "0",
        });
        assert_eq!(Value::Object(read.data.clone()), expected);
        assert_eq!(read.keys.len(), 2);
        assert_eq!(
            read.key("liquidator"),
            Some(Pubkey::new_from_array([2; 32]))
        );
    }

    #[test]
    fn knows_nothing_of_other_data() {
        assert_eq!(describe(&[]), None);
        assert_eq!(describe(&[1; 64]), None);
        // The right name with a body cut short.
        let exchange = Pubkey::new_from_array([7; 32]);
        let data = InsuranceFunded {
            exchange,
            amount: 1,
        }
        .data();
        assert_eq!(describe(&data[..data.len() - 1]), None);
    }
}
