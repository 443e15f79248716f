//! What the TypeScript client is compared with: the same addresses and instructions, as this client makes them.
//!
//! With `PLIMSOLL_WRITE_FIXTURES` set the file is written; otherwise it must be as it is.
use std::{fs, path::Path};

use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::{
    orders::terms::{OrderRef, OrderSide, OrderTerms, OrderType, SelfTradeBehavior},
    state::delegation::{scope, DelegateTerms},
};
use plimsoll_client::{
    addresses,
    instructions::{self as ix, BadDebt, FeedRef, Liquidation, RefreshEntry, Swap},
    AssetRef, ExchangeRef, MarketRef,
};
use plimsoll_risk::MarginMode;
use serde_json::{json, Value};

const FILE: &str = "../../app/client/test/fixtures/instructions.json";

type Named = Vec<(&'static str, Instruction)>;

/// A key that any test can name: 32 times the same byte.
fn key(byte: u8) -> Pubkey {
    Pubkey::new_from_array([byte; 32])
}

fn delegated() -> DelegateTerms {
    DelegateTerms {
        scope: scope::CANCEL | scope::TRADE,
        markets: 1 << 63 | 5,
        expires_at: 1_900_000_000,
        loss_per_day: 250_000_000,
        rest_secs: 600,
        least_equity: 5_000_000_000,
    }
}

struct Names {
    exchange: ExchangeRef,
    quote: AssetRef,
    asset: AssetRef,
    market: MarketRef,
    owner: Pubkey,
    account: Pubkey,
    other: Pubkey,
}

impl Names {
    fn new() -> Self {
        let exchange = ExchangeRef::new(7);
        let owner = key(9);
        Self {
            exchange,
            quote: exchange.asset(key(1), key(2)),
            asset: exchange.asset(key(3), key(2)),
            market: exchange.market(1),
            owner,
            account: exchange.margin_account(&owner, 0),
            other: exchange.margin_account(&owner, 258),
        }
    }

    fn addresses(&self) -> Value {
        let change = addresses::pending_change(&self.exchange.address, 300);
        json!({
            "exchange": self.exchange.address.to_string(),
            "riskState": self.exchange.risk_state.to_string(),
            "insuranceVault": self.exchange.insurance_vault.to_string(),
            "bank": self.asset.bank.to_string(),
            "vault": self.asset.vault.to_string(),
            "market": self.market.address.to_string(),
            "book": self.market.book.to_string(),
            "fillQueue": self.market.fill_queue.to_string(),
            "marginAccount": self.account.to_string(),
            "otherMarginAccount": self.other.to_string(),
            "pendingChange": change.to_string(),
        })
    }

    fn traders(&self) -> Named {
        let (ex, owner, account, asset) = (&self.exchange, self.owner, self.account, &self.asset);
        let tokens = key(20);
        vec![
            (
                "createMarginAccount",
                ix::create_margin_account(ex, owner, owner, 258),
            ),
            (
                "closeMarginAccount",
                ix::close_margin_account(ex, owner, account, owner),
            ),
            (
                "setDelegate",
                ix::set_delegate(owner, owner, account, key(11), delegated()),
            ),
            (
                "revokeDelegate",
                ix::revoke_delegate(owner, account, key(11), owner),
            ),
            (
                "setMarginMode",
                ix::set_margin_mode(ex, owner, account, MarginMode::Portfolio),
            ),
            ("deposit", ix::deposit(ex, owner, account, asset, tokens, 5)),
            (
                "withdraw",
                ix::withdraw(ex, owner, account, asset, tokens, 6, true),
            ),
            (
                "transfer",
                ix::transfer(ex, owner, account, self.other, asset, 7, false),
            ),
        ]
    }

    fn orders(&self) -> Named {
        let (ex, owner, account, market) = (&self.exchange, self.owner, self.account, &self.market);
        let terms = OrderTerms {
            side: OrderSide::Ask,
            price: 1_234,
            lots: 56,
            kind: OrderType::PostOnlySlide,
            max_quote: Some(789),
            reduce_only: true,
            expiry: 1_800_000_000,
            client_id: 42,
            self_trade: SelfTradeBehavior::AbortTransaction,
            max_fills: 9,
        };
        let makers = [key(12), key(13)];
        vec![
            (
                "placeOrder",
                ix::place_order(ex, owner, account, market, terms, &makers),
            ),
            (
                "cancelOrder",
                ix::cancel_order(owner, account, market, OrderRef::ClientId(42)),
            ),
            (
                "cancelOrders",
                ix::cancel_orders(owner, account, &[*market], Some(OrderSide::Bid), 64),
            ),
            ("pruneOrders", ix::prune_orders(ex, market, &[account], 3)),
            (
                "settleFills",
                ix::settle_fills(market, &[account], u16::MAX),
            ),
            ("refresh", self.refresh()),
        ]
    }

    fn refresh(&self) -> Instruction {
        let feed = |index, account, is_fallback| {
            RefreshEntry::Feed(FeedRef {
                index,
                account: key(account),
                is_fallback,
            })
        };
        let entries = [
            RefreshEntry::Bank(self.asset),
            RefreshEntry::Market(self.market),
            feed(0, 30, false),
            feed(3, 31, false),
            feed(3, 32, true),
        ];
        ix::refresh(&self.exchange, &entries)
    }

    fn liquidation(&self) -> Named {
        let (ex, owner, account, market) = (&self.exchange, self.owner, self.account, &self.market);
        let what = Liquidation {
            cancel_in: vec![*market],
            settle_in: vec![*market],
            position: Some((*market, 8)),
            swap: Some(Swap {
                collateral: self.asset.bank,
                debt: market.address,
                max_debt: 9,
                quote_bank: Some(self.quote.bank),
            }),
            ..Liquidation::default()
        };
        let nothing = Liquidation::default();
        let debt = BadDebt::Asset {
            bank: self.asset.bank,
            resolver_account: Some(self.other),
            max_repay: 10,
        };
        let loss = BadDebt::Market { market: *market };
        let resolve = |debt, dust: &[Pubkey]| {
            ix::resolve_bankruptcy(ex, owner, account, debt, &self.quote, dust)
        };
        vec![
            (
                "settlePnl",
                ix::settle_pnl(ex, account, market, &self.quote),
            ),
            ("accountHealth", ix::account_health(ex, account)),
            ("accountRisk", ix::account_risk(ex, account)),
            (
                "liquidate",
                ix::liquidate(ex, owner, self.other, account, &what),
            ),
            (
                "liquidateNothing",
                ix::liquidate(ex, owner, self.other, account, &nothing),
            ),
            ("resolveDebt", resolve(&debt, &[])),
            ("resolveLoss", resolve(&loss, &[])),
            ("resolveWithDust", resolve(&loss, &[self.asset.bank])),
            (
                "restockBank",
                ix::restock_bank(ex, owner, account, self.asset.bank, self.quote.bank, 11),
            ),
        ]
    }

    fn winding_down(&self) -> Named {
        let (ex, account, asset) = (&self.exchange, self.account, &self.asset);
        let settle = |depositor| ix::close_out_debt(ex, asset, &self.quote, depositor, self.other);
        vec![
            (
                "closeOutPosition",
                ix::close_out_position(ex, &self.market, account, self.other),
            ),
            ("closeOutDebt", settle(Some(account))),
            ("closeOutDebtWithFees", settle(None)),
            (
                "returnDeposit",
                ix::return_deposit(ex, asset, account, &self.owner),
            ),
        ]
    }
}

fn describe(instruction: &Instruction) -> Value {
    let accounts = instruction.accounts.iter().map(|meta| {
        let role = match (meta.is_signer, meta.is_writable) {
            (false, false) => "r",
            (false, true) => "w",
            (true, false) => "rs",
            (true, true) => "ws",
        };
        format!("{} {role}", meta.pubkey)
    });
    let data = instruction.data.iter().map(|byte| format!("{byte:02x}"));
    json!({ "accounts": accounts.collect::<Vec<_>>(), "data": data.collect::<String>() })
}

#[test]
fn the_typescript_client_is_compared_with_this_one() {
    let names = Names::new();
    let all = [
        names.traders(),
        names.orders(),
        names.liquidation(),
        names.winding_down(),
    ]
    .concat();
    let instructions: serde_json::Map<String, Value> = all
        .iter()
        .map(|(name, instruction)| ((*name).to_owned(), describe(instruction)))
        .collect();
    let made = json!({
        "program": plimsoll::ID.to_string(),
        "addresses": names.addresses(),
        "instructions": instructions,
    });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var_os("PLIMSOLL_WRITE_FIXTURES").is_some() {
        let text = serde_json::to_string_pretty(&made).expect("plain JSON");
        fs::write(&path, text + "\n").expect("the fixture can be written");
    }
    let text = fs::read_to_string(&path).expect("the fixture is committed");
    let committed: Value = serde_json::from_str(&text).expect("the fixture is JSON");
    assert_eq!(
        made, committed,
        "run this test with PLIMSOLL_WRITE_FIXTURES=1 and commit the result"
    );
}
