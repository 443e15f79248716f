//! Delegates: what each may do and where, until when, and that nothing else is theirs.
use anchor_lang::{
    error::ErrorCode,
    prelude::Pubkey,
    solana_program::instruction::{AccountMeta, Instruction},
};
use plimsoll::{
    error::PlimsollError as E,
    events::{DelegateRevoked, DelegateSet},
    orders::terms::{OrderRef, OrderTerms, OrderType},
    state::delegation::{scope, DelegateTerms},
};
use plimsoll_client::{
    addresses, events,
    instructions::{self as ix, by_delegate},
    preview::{self, CancelCase, Cancels, OrderCase},
};
use plimsoll_risk::MarginMode;
use plimsoll_tests::{
    attack::swap,
    env::{BTC_PERP, SOL, SOL_PERP, USDC},
    trading::{ask, bid, placed},
    usd, Env, Trader,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

use super::{desk, fee, notional, reprice, SPOT};

/// An order in a market that a delegate signs.
fn order_in(
    env: &Env,
    market: usize,
    of: &Trader,
    by: &Keypair,
    terms: OrderTerms,
    makers: &[&Trader],
) -> Instruction {
    let makers: Vec<Pubkey> = makers.iter().map(|maker| maker.margin).collect();
    let market = env.markets[market].market;
    let order = ix::place_order(
        &env.exchange,
        by.pubkey(),
        of.margin,
        &market,
        terms,
        &makers,
    );
    by_delegate(order, of.margin, by.pubkey())
}

fn order(env: &Env, of: &Trader, by: &Keypair, terms: OrderTerms) -> Instruction {
    order_in(env, SOL_PERP, of, by, terms, &[])
}

/// A cancel of one order and one of all, that a delegate signs.
fn cancels(env: &Env, market: usize, of: &Trader, by: &Keypair) -> [Instruction; 2] {
    let (key, market) = (by.pubkey(), env.markets[market].market);
    let one = ix::cancel_order(key, of.margin, &market, OrderRef::ClientId(0));
    let all = ix::cancel_orders(key, of.margin, &[market], None, 9);
    [one, all].map(|cancel| by_delegate(cancel, of.margin, key))
}

fn reduce(terms: OrderTerms) -> OrderTerms {
    OrderTerms {
        reduce_only: true,
        ..terms
    }
}

/// The first trader has a delegate of this scope.
async fn with_scope(scope: u8) -> (Env, Trader, Trader, Keypair) {
    let (mut env, owner, other) = desk().await;
    let delegate = Keypair::new();
    let terms = DelegateTerms {
        scope,
        ..env.anything(1_000).await
    };
    env.delegate(&owner, &delegate, terms).await;
    (env, owner, other, delegate)
}

#[tokio::test]
async fn each_scope_allows_what_it_says_and_nothing_else() {
    for (scope, cancels_too, reduces, trades) in [
        (scope::CANCEL, true, false, false),
        (scope::REDUCE, true, true, false),
        (scope::TRADE, true, true, true),
        (scope::LIQUIDATE, false, false, false),
        (scope::CANCEL | scope::LIQUIDATE, true, false, false),
    ] {
        let (mut env, owner, other, by) = with_scope(scope).await;
        env.place(&other, ask(SPOT, 20), &[]).await;
        env.place(&owner, bid(SPOT, 20), &[&other]).await;
        let wants = [
            (order(&env, &owner, &by, reduce(ask(SPOT + 9, 1))), reduces),
            (order(&env, &owner, &by, ask(SPOT + 9, 1)), trades),
        ];
        for (instruction, allowed) in wants {
            if allowed {
                env.run(&[instruction], &[&by]).await;
            } else {
                env.refuse(&[instruction], &[&by], E::OutsideScope).await;
            }
        }
        for cancel in cancels(&env, SOL_PERP, &owner, &by) {
            env.place(&owner, ask(SPOT + 9, 1), &[]).await;
            if cancels_too {
                env.run(&[cancel], &[&by]).await;
            } else {
                env.refuse(&[cancel], &[&by], E::OutsideScope).await;
            }
        }
        env.assert_conserved().await;
    }
}

#[tokio::test]
async fn an_order_in_another_market_is_refused() {
    let (mut env, owner, _) = desk().await;
    let by = Keypair::new();
    let terms = DelegateTerms {
        markets: 1 << BTC_PERP,
        ..env.anything(1_000).await
    };
    env.delegate(&owner, &by, terms).await;
    let here = order_in(&env, BTC_PERP, &owner, &by, bid(50_000, 10), &[]);
    env.run(&[here], &[&by]).await;
    env.place(&owner, bid(SPOT - 9, 1), &[]).await;
    let there = order(&env, &owner, &by, bid(SPOT - 9, 1));
    env.refuse(&[there], &[&by], E::MarketNotDelegated).await;
    for cancel in cancels(&env, SOL_PERP, &owner, &by) {
        env.refuse(&[cancel], &[&by], E::MarketNotDelegated).await;
    }
    for cancel in cancels(&env, BTC_PERP, &owner, &by).into_iter().take(1) {
        env.run(&[cancel], &[&by]).await;
    }
    assert_eq!(env.open_orders(&owner).await.len(), 1);
    env.assert_conserved().await;
}

#[tokio::test]
async fn nothing_is_signed_from_the_second_of_the_expiry() {
    let (mut env, owner, _) = desk().await;
    let by = Keypair::new();
    let terms = DelegateTerms {
        expires_at: env.now().await + 10,
        ..env.anything(1_000).await
    };
    env.delegate(&owner, &by, terms).await;
    let wanted = order(&env, &owner, &by, bid(SPOT - 9, 1));
    env.advance(9).await;
    env.run(&[wanted.clone()], &[&by]).await;
    env.advance(1).await;
    env.refuse(&[wanted], &[&by], E::DelegationExpired).await;
    for cancel in cancels(&env, SOL_PERP, &owner, &by) {
        env.refuse(&[cancel], &[&by], E::DelegationExpired).await;
    }
    env.assert_conserved().await;
}

/// A delegation counts for its account and its key; the account that says so is one that the program made.
#[tokio::test]
async fn only_ones_own_delegation_of_the_account_counts() {
    let (mut env, owner, other, by) = with_scope(scope::ALL).await;
    let thief = Keypair::new();
    let terms = env.anything(1_000).await;
    env.delegate(&other, &thief, terms).await;
    let own = order(&env, &owner, &by, bid(SPOT - 9, 1));
    let delegation = addresses::delegation(&owner.margin, &by.pubkey());
    let stolen = swap(&own, by.pubkey(), thief.pubkey());
    let others = addresses::delegation(&other.margin, &thief.pubkey());
    let mut missing = stolen.clone();
    missing.accounts.pop();
    for bent in [
        // Another key's delegation of the account, the key's of another account, one that there is not, none at all.
        stolen.clone(),
        swap(&stolen, delegation, others),
        swap(&stolen, delegation, Pubkey::new_unique()),
        missing,
        // An account of another kind, and one of another program.
        swap(&stolen, delegation, other.margin),
        swap(&stolen, delegation, other.tokens[USDC]),
    ] {
        env.refuse(&[bent], &[&thief], E::NotOwnerOrDelegate).await;
    }
    // The bytes of a delegation in an account that the program did not make.
    let forged = Pubkey::new_unique();
    let account = env.find_account(delegation).await.expect("it is there");
    env.write_account(forged, Pubkey::new_unique(), account.data);
    let bent = swap(&own, delegation, forged);
    env.refuse(&[bent], &[&by], E::NotOwnerOrDelegate).await;
    env.run(&[own], &[&by]).await;
    env.assert_conserved().await;
}

#[tokio::test]
async fn the_owner_sets_changes_and_revokes_and_has_the_rent_back() {
    let (mut env, owner, other) = desk().await;
    let (by, key) = (Keypair::new(), owner.pubkey());
    env.fund(by.pubkey());
    let terms = env.anything(1_000).await;
    let set = |who: Pubkey, delegate: Pubkey, terms| {
        ix::set_delegate(who, who, owner.margin, delegate, terms)
    };
    for thief in [&by, &other.key] {
        let wanted = set(thief.pubkey(), by.pubkey(), terms);
        env.refuse(&[wanted], &[thief], E::NotOwner).await;
    }
    let now = env.now().await;
    for nonsense in [
        DelegateTerms { scope: 0, ..terms },
        DelegateTerms { scope: 16, ..terms },
        DelegateTerms {
            markets: 0,
            ..terms
        },
        DelegateTerms {
            expires_at: now,
            ..terms
        },
    ] {
        let wanted = set(key, by.pubkey(), nonsense);
        env.refuse(&[wanted], &[&owner.key], E::InvalidParameter)
            .await;
    }
    for nobody in [key, Pubkey::default()] {
        let wanted = set(key, nobody, terms);
        env.refuse(&[wanted], &[&owner.key], E::InvalidParameter)
            .await;
    }
    let outcome = env
        .run(&[set(key, by.pubkey(), terms)], &[&owner.key])
        .await;
    println!("set a delegate: {} CU", outcome.cu);
    let told: Vec<DelegateSet> = events::of_kind(&outcome.logs);
    assert_eq!(
        (told[0].margin_account, told[0].delegate),
        (owner.margin, by.pubkey())
    );
    assert_eq!(
        (told[0].scope, told[0].loss_per_day),
        (scope::ALL, usd(1_000))
    );
    assert_eq!(env.margin(owner.margin).await.delegates, 1);
    // A change is no second one, and forgives no loss.
    let worse = order(&env, &owner, &by, bid(SPOT + 10, 100));
    env.run(&[worse], &[&by]).await;
    let lost = env.delegation(&owner, &by).await.lost.level;
    assert!(lost > 0);
    let less = DelegateTerms {
        scope: scope::CANCEL,
        ..terms
    };
    env.delegate(&owner, &by, less).await;
    let changed = env.delegation(&owner, &by).await;
    assert_eq!((changed.scope, changed.lost.level), (scope::CANCEL, lost));
    assert_eq!(env.margin(owner.margin).await.delegates, 1);
    // A second one, beside it.
    env.delegate(&owner, &other.key, terms).await;
    assert_eq!(env.margin(owner.margin).await.delegates, 2);

    let cancel = cancels(&env, SOL_PERP, &owner, &by);
    let receiver = Pubkey::new_unique();
    let revoke = |who: Pubkey| ix::revoke_delegate(who, owner.margin, by.pubkey(), receiver);
    env.refuse(&[revoke(by.pubkey())], &[&by], E::NotOwner)
        .await;
    let foreign = swap(
        &revoke(key),
        addresses::delegation(&owner.margin, &by.pubkey()),
        env.markets[SOL_PERP].market.address,
    );
    env.refuse_with(
        &[foreign],
        &[&owner.key],
        ErrorCode::AccountDiscriminatorMismatch.into(),
    )
    .await;
    let outcome = env.run(&[revoke(key)], &[&owner.key]).await;
    let told: Vec<DelegateRevoked> = events::of_kind(&outcome.logs);
    assert_eq!(told[0].delegate, by.pubkey());
    assert_eq!(env.margin(owner.margin).await.delegates, 1);
    assert!(env.find_account(receiver).await.expect("the rent").lamports > 0);
    for cancel in cancel {
        env.refuse(&[cancel], &[&by], E::NotOwnerOrDelegate).await;
    }
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_delegate_takes_nothing_out_and_changes_nothing() {
    let (mut env, owner, other, by) = with_scope(scope::ALL).await;
    let (key, margin) = (by.pubkey(), owner.margin);
    let second = env.open_margin_account(&owner.key, 1).await;
    let asset = env.assets[USDC].asset;
    let steal = env.create_token_account(asset.token_program, asset.mint, key, 0);
    let sol = env.assets[SOL].asset;
    let mine = env.create_token_account(sol.token_program, sol.mint, key, 100);
    let terms = env.anything(1_000_000).await;
    for theft in [
        ix::withdraw(&env.exchange, key, margin, &asset, steal, 1, false),
        ix::transfer(&env.exchange, key, margin, second, &asset, 1, false),
        ix::transfer(&env.exchange, key, margin, other.margin, &asset, 1, false),
        ix::close_margin_account(&env.exchange, key, margin, key),
        ix::set_margin_mode(&env.exchange, key, margin, MarginMode::Portfolio),
        ix::set_delegate(key, key, margin, key, terms),
        ix::set_delegate(key, key, margin, other.pubkey(), terms),
        ix::revoke_delegate(key, margin, key, key),
        // A first deposit of an asset takes a slot.
        ix::deposit(&env.exchange, key, margin, &sol, mine, 5),
    ] {
        let with = by_delegate(theft.clone(), margin, key);
        for theft in [theft, with] {
            env.refuse(&[theft], &[&by], E::NotOwner).await;
        }
    }
    env.assert_conserved().await;
}

/// Whoever opens the account anew at its address must not find old delegates in it.
#[tokio::test]
async fn an_account_with_delegates_is_not_closed() {
    let mut env = Env::new().await;
    let owner = env.trader().await;
    let by = Keypair::new();
    let terms = env.anything(1).await;
    env.delegate(&owner, &by, terms).await;
    let key = owner.pubkey();
    let close = ix::close_margin_account(&env.exchange, key, owner.margin, key);
    env.refuse(&[close.clone()], &[&owner.key], E::DelegatesRemain)
        .await;
    let revoke = ix::revoke_delegate(key, owner.margin, by.pubkey(), key);
    env.run(&[revoke, close], &[&owner.key]).await;
    assert!(env.find_account(owner.margin).await.is_none());
}

/// A trade loses its price against the oracle and its fee, an order that rests as much as if it filled now: the sum is what the
/// delegation counts, and beyond the budget nothing goes. A day gives it back.
#[tokio::test]
async fn orders_are_charged_what_they_may_lose_against_the_oracle() {
    let (mut env, owner, other) = desk().await;
    let by = Keypair::new();
    let terms = env.anything(100).await;
    env.delegate(&owner, &by, terms).await;
    let rates = env.market(SOL_PERP).await.params;
    env.place(&other, ask(SPOT + 20, 10_000), &[]).await;
    // 10,000 lots at 20 price lots beyond the oracle, 20 USD, and the fee of 15,020 USD.
    let wanted = OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..bid(SPOT + 100, 10_000)
    };
    let take = order_in(&env, SOL_PERP, &owner, &by, wanted, &[&other]);
    let outcome = env.run(&[take], &[&by]).await;
    println!("take one maker by a delegate: {} CU", outcome.cu);
    let taker_fee = fee(notional(SPOT + 20, 10_000), i64::from(rates.taker_fee));
    assert_eq!(placed(&outcome).fee, taker_fee);
    let mut lost = notional(20, 10_000) + taker_fee;
    let counted = |of: &plimsoll::state::Delegation| of.lost.level as i64;
    assert_eq!(counted(&*env.delegation(&owner, &by).await), lost);
    // What rests better than the oracle by its fee loses nothing, as often as it is quoted.
    for _ in 0..3 {
        let quote = order(&env, &owner, &by, bid(SPOT - 20, 10_000));
        let outcome = env.run(&[quote], &[&by]).await;
        println!("post by a delegate: {} CU", outcome.cu);
        let all = cancels(&env, SOL_PERP, &owner, &by)[1].clone();
        env.run(&[all], &[&by]).await;
    }
    assert_eq!(counted(&*env.delegation(&owner, &by).await), lost);
    // What rests beyond it is charged at once, and again each time: a cancel gives nothing back.
    let resting =
        notional(10, 10_000) + fee(notional(SPOT + 10, 10_000), i64::from(rates.maker_fee));
    let quote = order(&env, &owner, &by, bid(SPOT + 10, 10_000));
    env.run(&[quote.clone()], &[&by]).await;
    lost += resting;
    assert_eq!(counted(&*env.delegation(&owner, &by).await), lost);
    let all = cancels(&env, SOL_PERP, &owner, &by)[1].clone();
    env.run(&[all.clone()], &[&by]).await;
    while lost + resting <= 100_000_000 {
        env.run(&[quote.clone(), all.clone()], &[&by]).await;
        lost += resting;
        env.advance(0).await;
    }
    env.refuse(&[quote.clone()], &[&by], E::LossBudget).await;
    env.place(&owner, bid(SPOT + 10, 10_000), &[]).await;
    env.cancel_all(&owner).await;
    env.advance(86_400).await;
    env.refresh_all().await;
    env.run(&[quote], &[&by]).await;
    assert_eq!(counted(&*env.delegation(&owner, &by).await), resting);
    env.assert_conserved().await;
}

#[tokio::test]
async fn an_order_rests_no_longer_than_the_owner_allows() {
    let (mut env, owner, other) = desk().await;
    let by = Keypair::new();
    let terms = DelegateTerms {
        rest_secs: 60,
        ..env.anything(100).await
    };
    env.delegate(&owner, &by, terms).await;
    let until = |expiry| OrderTerms {
        expiry,
        ..bid(SPOT - 20, 100)
    };
    let now = u32::try_from(env.now().await).expect("a time");
    for expiry in [0, now + 61] {
        let quote = order(&env, &owner, &by, until(expiry));
        env.refuse(&[quote], &[&by], E::RestsTooLong).await;
    }
    let quote = order(&env, &owner, &by, until(now + 60));
    env.run(&[quote], &[&by]).await;
    // What does not rest needs no expiry.
    env.place(&other, ask(SPOT, 10), &[]).await;
    let taken = OrderTerms {
        kind: OrderType::ImmediateOrCancel,
        ..bid(SPOT, 10)
    };
    let take = order_in(&env, SOL_PERP, &owner, &by, taken, &[&other]);
    env.run(&[take], &[&by]).await;
    // When its time is over it trades no more, wherever the price is.
    env.advance(60).await;
    env.refresh_all().await;
    reprice(&mut env, 149.0).await;
    let sold = env.place(&other, ask(SPOT - 20, 100), &[&owner]).await;
    assert_eq!(sold.filled, 0);
    env.assert_conserved().await;
}

/// By no route does an order that may only reduce open anything, before or after its delegation has expired.
#[tokio::test]
async fn a_delegate_that_may_reduce_opens_nothing() {
    let (mut env, owner, other, by) = with_scope(scope::REDUCE).await;
    let flat = order(&env, &owner, &by, reduce(ask(SPOT, 10)));
    env.refuse(&[flat], &[&by], E::NotReducing).await;
    env.place(&other, ask(SPOT, 10), &[]).await;
    env.place(&owner, bid(SPOT, 10), &[&other]).await;
    let more = order(&env, &owner, &by, reduce(bid(SPOT, 10)));
    env.refuse(&[more], &[&by], E::NotReducing).await;
    // Two orders of all of it: the worse one is trimmed.
    for price in [SPOT + 1, SPOT + 2] {
        let close = order(&env, &owner, &by, reduce(ask(price, 10)));
        env.run(&[close], &[&by]).await;
    }
    env.advance(8 * 86_400).await;
    env.refresh_all().await;
    env.place(&other, bid(SPOT + 5, 30), &[]).await;
    env.settle_fills(&[&owner]).await;
    assert_eq!(env.perp(&owner).await.position.0, 0);
    env.assert_conserved().await;
}

#[tokio::test]
async fn a_delegates_orders_and_cancels_are_foreseen() {
    let (mut env, owner, other, by) = with_scope(scope::REDUCE).await;
    env.place(&owner, bid(SPOT - 20, 10), &[]).await;
    let (risk, market, book) = (
        env.risk().await,
        env.market(SOL_PERP).await,
        env.book(SOL_PERP).await,
    );
    let (fill_queue, account) = (
        env.fill_queue(SOL_PERP).await,
        env.margin(owner.margin).await,
    );
    let (clock, delegation) = (env.clock().await, env.delegation(&owner, &by).await);
    let case = OrderCase {
        risk: &risk,
        market: &market,
        book: &book,
        fill_queue: &fill_queue,
        account_key: owner.margin,
        account: &account,
        trader: by.pubkey(),
        delegation: Some(&delegation),
        makers: &[],
        clock: &clock,
        underlying: None,
    };
    let wanted = bid(SPOT - 20, 10);
    assert_eq!(case.check(&wanted), Err(E::OutsideScope.into()));
    let stranger = OrderCase {
        trader: other.pubkey(),
        ..case
    };
    assert_eq!(stranger.check(&wanted), Err(E::NotOwnerOrDelegate.into()));
    let mut able = *delegation;
    able.scope = scope::TRADE;
    let able = OrderCase {
        delegation: Some(&able),
        ..case
    };
    assert!(able.check(&wanted).is_ok());
    let dear = bid(SPOT + 1_000, 20_000);
    assert_eq!(able.check(&dear), Err(E::LossBudget.into()));
    let owners = OrderCase {
        trader: owner.pubkey(),
        delegation: None,
        ..case
    };
    assert!(owners.check(&dear).is_ok());
    let mut cancel = CancelCase {
        risk: &risk,
        book: &book,
        account_key: owner.margin,
        account: &account,
        trader: by.pubkey(),
        delegation: Some(&delegation),
        clock: &clock,
        underlying: None,
    };
    let all = |case: &CancelCase| preview::cancel(case, Cancels::All(None)).unwrap();
    assert_eq!(all(&cancel).cancelled, 1);
    cancel.delegation = None;
    let refused = plimsoll_client::errors::code(E::NotOwnerOrDelegate);
    assert_eq!(
        all(&cancel).refusal.map(|refusal| refusal.code),
        Some(refused)
    );
}

/// What follows the makers is only looked at where somebody else than the owner signs.
#[tokio::test]
async fn the_owners_orders_name_no_delegation() {
    let (mut env, owner, _, by) = with_scope(scope::ALL).await;
    let mut own = env.order_ix(&owner, bid(SPOT - 9, 1), &[]);
    let delegation = addresses::delegation(&owner.margin, &by.pubkey());
    own.accounts.push(AccountMeta::new(delegation, false));
    env.refuse_with(
        &[own],
        &[&owner.key],
        ErrorCode::AccountDiscriminatorMismatch.into(),
    )
    .await;
    env.assert_conserved().await;
}
