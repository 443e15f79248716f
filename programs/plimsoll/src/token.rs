//! Token movements in and out of vaults, and which mints are accepted at all.
use anchor_lang::prelude::*;
use anchor_spl::{
    token_2022::spl_token_2022::{
        self,
        extension::{
            default_account_state::DefaultAccountState, BaseStateWithExtensions, ExtensionType,
            StateWithExtensions,
        },
        state::AccountState,
    },
    token_interface::{self, Mint, TokenAccount, TokenInterface, TransferChecked},
};

use crate::error::PlimsollError;

/// More decimals than this leave no room for whole tokens in 64 bits.
pub const MAX_DECIMALS: u8 = 12;

/// Moves `amount` from a user's token account into `vault` and returns what arrived, which is what may be
/// credited.
pub fn receive<'info>(
    from: &InterfaceAccount<'info, TokenAccount>,
    vault: &mut InterfaceAccount<'info, TokenAccount>,
    mint: &InterfaceAccount<'info, Mint>,
    authority: AccountInfo<'info>,
    token_program: &Interface<'info, TokenInterface>,
    amount: u64,
) -> Result<u64> {
    let before = vault.amount;
    let accounts = TransferChecked {
        from: from.to_account_info(),
        mint: mint.to_account_info(),
        to: vault.to_account_info(),
        authority,
    };
    token_interface::transfer_checked(
        CpiContext::new(token_program.key(), accounts),
        amount,
        mint.decimals,
    )?;
    vault.reload()?;
    vault
        .amount
        .checked_sub(before)
        .ok_or_else(|| PlimsollError::Overflow.into())
}

/// Moves `amount` out of a vault whose authority is the exchange's address.
pub fn pay<'info>(
    vault: &InterfaceAccount<'info, TokenAccount>,
    to: AccountInfo<'info>,
    mint: &InterfaceAccount<'info, Mint>,
    exchange: AccountInfo<'info>,
    signer: &[&[&[u8]]],
    token_program: &Interface<'info, TokenInterface>,
    amount: u64,
) -> Result<()> {
    require!(vault.amount >= amount, PlimsollError::InsufficientLiquidity);
    let accounts = TransferChecked {
        from: vault.to_account_info(),
        mint: mint.to_account_info(),
        to,
        authority: exchange,
    };
    token_interface::transfer_checked(
        CpiContext::new_with_signer(token_program.key(), accounts, signer),
        amount,
        mint.decimals,
    )
}

/// Refuses mints whose extensions let somebody take, block or shrink what a vault holds. Only extensions known
/// to be harmless pass, so that one invented later is refused until it has been looked at. Tells whether what wallets display
/// is the raw amount times a multiplier: a feed for what is displayed would not be one for what a vault holds.
pub fn require_safe_mint(mint: &InterfaceAccount<Mint>) -> Result<bool> {
    require!(
        mint.decimals <= MAX_DECIMALS,
        PlimsollError::TooManyDecimals
    );
    let info = mint.to_account_info();
    if *info.owner == anchor_spl::token::ID {
        return Ok(false);
    }
    let mut multiplies = false;
    let data = info.try_borrow_data()?;
    let state = StateWithExtensions::<spl_token_2022::state::Mint>::unpack(&data)?;
    for extension in state.get_extension_types()? {
        match extension {
            ExtensionType::MetadataPointer
            | ExtensionType::TokenMetadata
            | ExtensionType::GroupPointer
            | ExtensionType::TokenGroup
            | ExtensionType::GroupMemberPointer
            | ExtensionType::TokenGroupMember => {}
            ExtensionType::InterestBearingConfig | ExtensionType::ScaledUiAmount => {
                multiplies = true;
            }
            ExtensionType::DefaultAccountState => {
                let default = state.get_extension::<DefaultAccountState>()?;
                require!(
                    default.state == AccountState::Initialized as u8,
                    PlimsollError::MintStartsFrozen
                );
            }
            ExtensionType::TransferFeeConfig => return err!(PlimsollError::MintHasTransferFee),
            ExtensionType::PermanentDelegate => {
                return err!(PlimsollError::MintHasPermanentDelegate)
            }
            ExtensionType::TransferHook => return err!(PlimsollError::MintHasTransferHook),
            _ => return err!(PlimsollError::MintExtensionRefused),
        }
    }
    Ok(multiplies)
}
