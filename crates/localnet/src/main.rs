//! plimsoll-demo
use plimsoll_localnet::*;
use solana_keypair::Keypair;
#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let t = std::time::Instant::now();
    let payer = Keypair::new_from_array(random::Random::new(1, "payer").bytes());
    let chain = chain::Chain::start(std::path::Path::new("target/deploy/plimsoll.so"), &payer).await?;
    println!("started {:?}", t.elapsed());
    let wire = wire::Wire::new(chain.rpc_url(), payer);
    println!("now {:?}", wire.now().await?);
    let path = scenario::Scenario::March2020.replay(10, 1);
    let world = setup::create_exchange(&chain, &wire, 1, &path[0]).await?;
    println!("set up {:?}", t.elapsed());
    let n = wire.now().await?;
    println!("now {:?}", n);
    chain.travel_to(n.unix_time + 86400)?;
    println!("now {:?} {:?}", wire.now().await?, t.elapsed());
    world.publish(&chain, &path[1], n.unix_time + 86400)?;
    println!("published {:?}", t.elapsed());
    for _ in 0..20 {
        wire.send(&[world.refresh_all()], &[]).await?;
    }
    println!("20 refresh {:?} {:?}", wire.now().await?, t.elapsed());
    wire.traffic(|t| println!("{} {:?} {:?}", t.landed, t.compute, t.refused));
    chain.stop()?;
    Ok(())
}
