//! Delegates that act as liquidators: in their scope and markets, and for no loss beyond their budget.
use plimsoll::{
    error::PlimsollError as E,
    state::delegation::{scope, DelegateTerms},
};
use plimsoll_client::instructions::{self as ix, by_delegate};
use plimsoll_tests::{
    env::{BTC, BTC_PERP, SOL, SOL_PERP, USDC},
    scenarios::*,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

#[tokio::test]
async fn the_liquidator_signs_or_its_delegate() {
    let mut t = long().await;
    let (stranger, by) = (Keypair::new(), Keypair::new());
    t.env.fund(stranger.pubkey());
    // A liquidation that pays loses nothing: no budget is needed.
    let all = DelegateTerms {
        scope: scope::LIQUIDATE,
        markets: 1 << SOL_PERP,
        ..t.env.anything(0).await
    };
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    let takeover = take(&t.env, SOL_PERP, 100);
    let (own, account) = (t.liquidator.margin, t.account.margin);
    let signed =
        |key: &Keypair| ix::liquidate(&t.env.exchange, key.pubkey(), own, account, &takeover);
    let (theirs, his) = (signed(&stranger), signed(&by));
    let his = by_delegate(his, own, by.pubkey());
    t.env
        .refuse(&[theirs], &[&stranger], E::NotOwnerOrDelegate)
        .await;
    for (terms, error) in [
        (
            DelegateTerms {
                scope: scope::ALL & !scope::LIQUIDATE,
                ..all
            },
            E::OutsideScope,
        ),
        (
            DelegateTerms {
                markets: 1 << BTC_PERP,
                ..all
            },
            E::MarketNotDelegated,
        ),
    ] {
        t.env.delegate(&t.liquidator, &by, terms).await;
        t.env.refuse(&[his.clone()], &[&by], error).await;
    }
    t.env.delegate(&t.liquidator, &by, all).await;
    let outcome = t.env.run(&[his], &[&by]).await;
    println!("liquidate by a delegate: {} CU", outcome.cu);
    assert_eq!(t.env.perp(&t.liquidator).await.position.0, 100);
    assert_eq!(t.env.delegation(&t.liquidator, &by).await.lost.level, 0);
    t.env.assert_conserved().await;
}

/// What a delegate's takeover loses is measured at the oracle's prices: where the account holds something without one, only its
/// owner liquidates.
#[tokio::test]
async fn a_delegate_liquidates_only_while_all_of_its_account_has_a_price() {
    let mut t = long().await;
    let by = Keypair::new();
    t.env.deposit(&t.liquidator, BTC, BTC_1).await.unwrap();
    let terms = t.env.anything(1_000).await;
    t.env.delegate(&t.liquidator, &by, terms).await;
    shock(&mut t.env, SOL, 136.0).await;
    flag(&mut t.env, &t.liquidator, &t.account).await;
    t.env.advance(120).await;
    t.env.refresh_only(&[USDC, SOL]).await;
    let takeover = take(&t.env, SOL_PERP, 100);
    let (own, account) = (t.liquidator.margin, t.account.margin);
    let his = ix::liquidate(&t.env.exchange, by.pubkey(), own, account, &takeover);
    let his = by_delegate(his, own, by.pubkey());
    t.env.refuse(&[his], &[&by], E::StaleEntry).await;
    let owners = liquidate_ix(&t.env, &t.liquidator, &t.account, &takeover);
    t.env.run(&[owners], &[&t.liquidator.key]).await;
    assert_eq!(t.env.perp(&t.liquidator).await.position.0, 100);
    t.env.assert_conserved().await;
}
