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
use plimsoll::{
    state::{market::ContractTerms, Book, FillQueueAccount, RiskState},
    SignedPrices,
};
use plimsoll_client::{
    instructions::{self as ix, RefreshEntry},
    AssetRef, ExchangeRef, MarketRef,
};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{
    chain::Chain,
    feeds::{Feeds, ListedFeed},
    listing::{self, AssetListing, FeedListing, MarketListing, USD},
    model,
    random::Random,
    scenario::Tick,
    wire::Wire,
};

/// The exchange's number.
const EXCHANGE_ID: u16 = 0;
/// Rent of a mint: what the runtime asks for 82 bytes.
const MINT_RENT: u64 = 1_461_600;
/// Index of what begins a transaction: in the version that is written here, nothing precedes it.
const FIRST_INSTRUCTION: u8 = 0;
/// The token program of all mints here.
const TOKEN_PROGRAM: Pubkey = pubkey!("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA");

/// A listed asset with what its holders need to know.
#[derive(Clone, Debug)]
pub struct ListedAsset {
    pub symbol: &'static str,
    pub name: &'static str,
    pub decimals: u8,
    /// The feed that prices it.
    pub feed: u8,
    pub asset: AssetRef,
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
#[derive(Clone)]
pub struct World {
    pub exchange: ExchangeRef,
    pub feeds: Feeds,
    pub assets: Vec<ListedAsset>,
    pub markets: Vec<ListedMarket>,
}

impl World {
    /// The quote asset.
    pub fn quote(&self) -> &ListedAsset {
        &self.assets[0]
    }

    /// Instructions with what brings the prices of all feeds in in front of them. They have to begin a transaction.
    pub async fn refreshed(
        &self,
        wire: &Wire,
        then: impl IntoIterator<Item = Instruction>,
    ) -> Result<Vec<Instruction>> {
        let refresh = self.refresh(wire, &[]).await?;
        Ok(refresh.into_iter().chain(then).collect())
    }

    /// The same for nothing but the prices, and interest and funding with them.
    pub async fn accrued(&self, wire: &Wire) -> Result<Vec<Instruction>> {
        let banks = self.assets.iter().map(|a| RefreshEntry::Bank(a.asset));
        let markets = self.markets.iter().map(|m| RefreshEntry::Market(m.market));
        let entries: Vec<_> = banks.chain(markets).collect();
        self.refresh(wire, &entries).await
    }

    /// A refresh with the message that is newest now; without one while the signer has none.
    async fn refresh(&self, wire: &Wire, entries: &[RefreshEntry]) -> Result<Vec<Instruction>> {
        wire.publish().await?;
        let entries = [self.feeds.rates().as_slice(), entries].concat();
        let message = self.feeds.message();
        let Some(message) = message else {
            return Ok(vec![ix::refresh(&self.exchange, &entries)]);
        };
        let signed = SignedPrices {
            instruction: FIRST_INSTRUCTION,
            feeds: self.feeds.takers(),
        };
        let refresh = ix::refresh_with(&self.exchange, &entries, Some(signed));
        Ok(vec![message.instruction(), refresh])
    }

    /// Publishes a tick's prices as of the chain's time `now`.
    pub fn publish(&self, chain: &Chain, tick: &Tick, now: i64) -> Result<()> {
        self.feeds.publish(chain, tick, now, |_| true)
    }
}

/// An owner's account for an asset's tokens.
pub fn wallet(owner: &Pubkey, asset: &AssetRef) -> Pubkey {
    get_associated_token_address(owner, &asset.mint)
}

/// Creates everything; the wire's payer becomes the authority of the exchange and of the mints. `insurance` whole units
/// of the quote token go into the insurance fund; a price carries new risk for `price_age` seconds.
pub async fn create_exchange(
    chain: &Chain,
    wire: &Wire,
    seed: u64,
    first: &Tick,
    insurance: u64,
    price_age: u16,
) -> Result<World> {
    let authority = wire.payer();
    let mut random = Random::new(seed, "accounts");
    let exchange = ExchangeRef::new(EXCHANGE_ID);
    let mut world = World {
        exchange,
        feeds: Feeds::set_up(chain, seed, &mut random)?,
        assets: Vec::new(),
        markets: Vec::new(),
    };
    for listing in listing::assets() {
        let mint = create_mint(wire, &listing, &mut random).await?;
        world.assets.push(ListedAsset {
            symbol: listing.symbol,
            name: listing.name,
            decimals: listing.decimals,
            feed: world.feeds.named(listing.symbol)?,
            asset: exchange.asset(mint, TOKEN_PROGRAM),
        });
    }

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
    for feed in &world.feeds.listed {
        list_feed(wire, &world, feed, price_age).await?;
    }
    // What is listed is listed at a price of now.
    for (i, listing) in listing::assets().into_iter().enumerate() {
        bring_prices(chain, wire, &world, first).await?;
        list_asset(wire, &world, i, listing).await?;
    }
    for (i, listing) in listing::markets().into_iter().enumerate() {
        bring_prices(chain, wire, &world, first).await?;
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

/// Publishes prices as of now, and brings them to the exchange.
async fn bring_prices(chain: &Chain, wire: &Wire, world: &World, tick: &Tick) -> Result<()> {
    world.publish(chain, tick, wire.now().await?.unix_time)?;
    wire.send(&world.refreshed(wire, []).await?, &[])
        .await
        .context("the first prices")?;
    Ok(())
}

async fn list_feed(wire: &Wire, world: &World, feed: &ListedFeed, price_age: u16) -> Result<()> {
    let FeedListing { name: text, .. } = feed.listing;
    let mut name = [0; 16];
    name[..text.len()].copy_from_slice(text.as_bytes());
    let instruction = ix::list_feed(
        &world.exchange,
        wire.payer(),
        name,
        feed.sources(),
        listing::limits(price_age),
        None,
    );
    wire.send(&[instruction], &[])
        .await
        .with_context(|| format!("list the feed of {text}"))?;
    Ok(())
}

async fn list_asset(wire: &Wire, world: &World, index: usize, listing: AssetListing) -> Result<()> {
    let listed = &world.assets[index];
    let instruction = ix::list_asset(
        &world.exchange,
        wire.payer(),
        &listed.asset,
        listing.params,
        listed.feed,
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
        listing.terms,
        listing.params,
        world.assets[base].feed,
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
