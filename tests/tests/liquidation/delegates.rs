//! Delegates that act as liquidators: in their scope and markets, and for no loss beyond their budget.
use plimsoll::{
    error::PlimsollError as E,
    state::delegation::{scope, DelegateTerms},
};
use plimsoll_client::instructions::{self as ix, by_delegate};
use plimsoll_tests::{
    env::{BTC_PERP, SOL, SOL_PERP},
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
