//! Sets up the exchange on a fresh chain: mints, oracle accounts, assets, markets and insurance; every step a
//! transaction as an operator would send it, except the oracles' accounts.
use anchor_lang::{
    prelude::{pubkey, Pubkey},
    solana_program::{instruction::Instruction, program_pack::Pack, system_instruction},
};
use anchor_spl::{
    associated_token::{
        get_associated_token_address,
        spl_associated_token_account::instruction::create_associated_token_account_idempotent,
    },
    token::spl_token,
};
use anyhow::{Context, Result};
use plimsoll::state::{
    bank::{oracle_kind, receiver, OracleSource},
    market::ContractTerms,
    Book, FillQueueAccount, OracleSources, RiskState,
};
use plimsoll_client::{
    instructions::{self as ix, RefreshEntry},
    AssetRef, ExchangeRef, MarketRef,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{
    chain::{Chain, Quote},
    listing::{self, AssetListing, MarketListing, USD},
    model,
    random::Random,
    scenario::Tick,
    wire::Wire,
};

/// The exchange's number.
const EXCHANGE_ID: u16 = 0;
/// Rent of a mint: what the runtime asks for 82 bytes.
const MINT_RENT: u64 = 1_461_600;
/// The token program of all mints here.
const TOKEN_PROGRAM: Pubkey = pubkey!("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");

/// A listed asset with what its holders need to know.
#[derive(Clone, Debug)]
pub struct ListedAsset {
    pub symbol: &'static str,
    pub name: &'static str,
    pub decimals: u8,
    pub asset: AssetRef,
    pub oracle: Pubkey,
    feed: [u8; 32],
}

/// A market with what its traders need to know.
#[derive(Clone, Debug)]
pub struct ListedMarket {
    pub name: &'static str,
    pub market: MarketRef,
    /// Index of the asset whose feed prices it.
    pub base: usize,
    pub terms: ContractTerms,
}

/// The exchange as its users see it.
#[derive(Clone, Debug)]
pub struct World {
    pub exchange: ExchangeRef,
    pub assets: Vec<ListedAsset>,
    pub markets: Vec<ListedMarket>,
}

impl World {
    /// The quote asset.
    pub fn quote(&self) -> &ListedAsset {
        &self.assets[0]
    }

    /// A refresh of the named entries.
    pub fn refresh(&self, assets: &[u16], markets: &[u16]) -> Instruction {
        let assets = assets.iter().map(|i| &self.assets[usize::from(*i)]);
        let markets = markets.iter().map(|i| &self.markets[usize::from(*i)]);
        let mut entries: Vec<_> = assets
            .map(|a| RefreshEntry::Asset {
                asset: a.asset,
                oracle: a.oracle,
                fallback: None,
            })
            .collect();
        entries.extend(markets.map(|m| RefreshEntry::Market {
            market: m.market,
            oracle: self.assets[m.base].oracle,
            fallback: None,
        }));
        ix::refresh(&self.exchange, &entries)
    }

    /// A refresh of everything.
    pub fn refresh_all(&self) -> Instruction {
        let all = |count: usize| (0..count as u16).collect::<Vec<_>>();
        self.refresh(&all(self.assets.len()), &all(self.markets.len()))
    }

    /// Publishes a tick's prices as of the chain's time `now`.
    pub fn publish(&self, chain: &Chain, tick: &Tick, now: i64) -> Result<()> {
        self.publish_where(chain, tick, now, |_| true)
    }

    /// Publishes the prices of the assets that `speaks` says yes to; those of the others stay as they are, and grow old.
    pub fn publish_where(
        &self,
        chain: &Chain,
        tick: &Tick,
        now: i64,
        speaks: impl Fn(usize) -> bool,
    ) -> Result<()> {
        let listed = self.assets.iter().enumerate();
        for (i, listed) in listed.filter(|(i, _)| speaks(*i)) {
            let quote = Quote {
                price: tick.prices[i],
                confidence: tick.confidence[i],
                publish_time: now,
            };
            chain.publish(&listed.oracle, listed.feed, &quote)?;
        }
        Ok(())
    }
}

/// An owner's account for an asset's tokens.
pub fn wallet(owner: &Pubkey, asset: &AssetRef) -> Pubkey {
    get_associated_token_address(owner, &asset.mint)
}

/// Creates everything; the wire's payer becomes the authority of the exchange and of the mints. `insurance` whole units
/// of the quote token go into the insurance fund; a price counts for `price_age` seconds.
pub async fn create_exchange(
    chain: &Chain,
    wire: &Wire,
    seed: u64,
    first: &Tick,
    insurance: u64,
    price_age: u32,
) -> Result<World> {
    let authority = wire.payer();
    let mut random = Random::new(seed, "accounts");
    let exchange = ExchangeRef::new(EXCHANGE_ID);
    let mut world = World {
        exchange,
        assets: Vec::new(),
        markets: Vec::new(),
    };
    for listing in listing::assets() {
        let mint = create_mint(wire, &listing, &mut random).await?;
        world.assets.push(ListedAsset {
            symbol: listing.symbol,
            name: listing.name,
            decimals: listing.decimals,
            asset: exchange.asset(mint, TOKEN_PROGRAM),
            oracle: Keypair::new_from_array(random.bytes()).pubkey(),
            feed: random.bytes(),
        });
    }
    world.publish(chain, first, wire.now().await?.unix_time)?;

    let quote_mint = world.quote().asset.mint;
    // docs: create
    let create = ix::create_exchange(
        EXCHANGE_ID,
        authority,
        quote_mint,
        TOKEN_PROGRAM,
        authority,
        0,
    );
    wire.send(&[create], &[]).await.context("create_exchange")?;
    extend(wire, exchange.risk_state, RiskState::SPACE).await?;
    for (i, mut listing) in listing::assets().into_iter().enumerate() {
        listing.params.oracle.max_age_secs = price_age;
        list_asset(wire, &world, i, listing).await?;
    }
    for (i, mut listing) in listing::markets().into_iter().enumerate() {
        listing.params.oracle.max_age_secs = price_age;
        let market = create_market(wire, &world, i as u16, listing).await?;
        world.markets.push(market);
    }
    // docs: end
    model::create(wire, &world).await?;
    if insurance > 0 {
        fund_insurance(wire, &world, insurance * USD).await?;
    }
    Ok(world)
}

/// Gives `amount` native units of an asset to `owner`'s wallet.
pub fn mint_to(wire: &Wire, listed: &ListedAsset, owner: &Pubkey, amount: u64) -> Vec<Instruction> {
    let (payer, mint) = (wire.payer(), listed.asset.mint);
    let to = wallet(owner, &listed.asset);
    let open = create_associated_token_account_idempotent(&payer, owner, &mint, &TOKEN_PROGRAM);
    let mint = spl_token::instruction::mint_to(&TOKEN_PROGRAM, &mint, &to, &payer, &[], amount);
    // Building fails only for a program that is not a token program.
    std::iter::once(open).chain(mint).collect()
}

async fn create_mint(wire: &Wire, listing: &AssetListing, random: &mut Random) -> Result<Pubkey> {
    let mint = Keypair::new_from_array(random.bytes());
    let payer = wire.payer();
    let instructions = [
        system_instruction::create_account(
            &payer,
            &mint.pubkey(),
            MINT_RENT,
            spl_token::state::Mint::LEN as u64,
            &TOKEN_PROGRAM,
        ),
        spl_token::instruction::initialize_mint2(
            &TOKEN_PROGRAM,
            &mint.pubkey(),
            &payer,
            None,
            listing.decimals,
        )?,
    ];
    wire.send(&instructions, &[&mint])
        .await
        .with_context(|| format!("create the mint of {}", listing.symbol))?;
    Ok(mint.pubkey())
}

async fn list_asset(wire: &Wire, world: &World, index: usize, listing: AssetListing) -> Result<()> {
    let listed = &world.assets[index];
    let instruction = ix::list_asset(
        &world.exchange,
        wire.payer(),
        &listed.asset,
        listed.oracle,
        listing.params,
        sources(listed.feed),
        None,
    );
    wire.send(&[instruction], &[])
        .await
        .with_context(|| format!("list {}", listing.symbol))?;
    Ok(())
}

async fn create_market(
    wire: &Wire,
    world: &World,
    index: u16,
    listing: MarketListing,
) -> Result<ListedMarket> {
    let base = world
        .assets
        .iter()
        .position(|a| a.symbol == listing.base)
        .context("a market's base is not listed")?;
    let market = world.exchange.market(index);
    let instruction = ix::create_market(
        &world.exchange,
        wire.payer(),
        &market,
        world.assets[base].oracle,
        listing.terms,
        listing.params,
        sources(world.assets[base].feed),
        None,
    );
    wire.send(&[instruction], &[])
        .await
        .with_context(|| format!("create {}", listing.name))?;
    extend(wire, market.book, Book::SPACE).await?;
    extend(wire, market.fill_queue, FillQueueAccount::SPACE).await?;
    Ok(ListedMarket {
        name: listing.name,
        market,
        base,
        terms: listing.terms,
    })
}

fn sources(feed: [u8; 32]) -> OracleSources {
    OracleSources {
        primary: OracleSource {
            feed,
            kind: oracle_kind::PYTH_PULL,
            receivers: receiver::DEFAULT,
            padding: [0; 6],
        },
        fallback: OracleSource::default(),
    }
}

/// Grows an account to its full size.
async fn extend(wire: &Wire, account: Pubkey, full: usize) -> Result<()> {
    let step = ix::extend_account(wire.payer(), account);
    for _ in 0..ix::extensions_needed(full) {
        wire.send(std::slice::from_ref(&step), &[])
            .await
            .context("extend_account")?;
    }
    Ok(())
}

async fn fund_insurance(wire: &Wire, world: &World, amount: u64) -> Result<()> {
    let payer = wire.payer();
    let mut instructions = mint_to(wire, world.quote(), &payer, amount);
    instructions.push(ix::fund_insurance(
        &world.exchange,
        payer,
        wallet(&payer, &world.quote().asset),
        &world.quote().asset,
        amount,
    ));
    wire.send(&instructions, &[])
        .await
        .context("fund_insurance")?;
    Ok(())
}
