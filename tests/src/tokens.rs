//! Mints and token accounts.
use anchor_lang::{
    prelude::Pubkey,
    solana_program::{instruction::Instruction, program_option::COption, program_pack::Pack},
};
use anchor_spl::{
    token::spl_token,
    token_2022::spl_token_2022::{
        extension::ExtensionType, instruction as token_instruction, state::Mint as Mint2022,
    },
};
use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::Env;

/// The original token program.
pub const SPL_TOKEN: Pubkey = anchor_spl::token::ID;
/// Token-2022.
pub const TOKEN_2022: Pubkey = anchor_spl::token_2022::ID;

impl Env {
    /// Creates a mint without extensions; the environment's payer may mint.
    pub fn create_mint(&mut self, token_program: Pubkey, decimals: u8) -> Pubkey {
        let mint = Pubkey::new_unique();
        let state = spl_token::state::Mint {
            mint_authority: COption::Some(self.context.payer.pubkey()),
            supply: 0,
            decimals,
            is_initialized: true,
            freeze_authority: COption::None,
        };
        let mut data = vec![0; spl_token::state::Mint::LEN];
        Pack::pack(state, &mut data).expect("its own length");
        self.write_account(mint, token_program, data);
        mint
    }

    /// Creates a Token-2022 mint through the token program: `initialise` returns the instructions that set its
    /// extensions up, which come before the mint's own initialisation.
    pub async fn create_mint_with(
        &mut self,
        decimals: u8,
        extensions: &[ExtensionType],
        initialise: impl FnOnce(&Pubkey) -> Vec<Instruction>,
    ) -> Pubkey {
        let mint = Keypair::new();
        let key = mint.pubkey();
        let len = ExtensionType::try_calculate_account_len::<Mint2022>(extensions).expect("sized");
        self.write_account(key, TOKEN_2022, vec![0; len]);
        let mut instructions = initialise(&key);
        let payer = self.context.payer.pubkey();
        instructions.push(
            token_instruction::initialize_mint2(&TOKEN_2022, &key, &payer, Some(&payer), decimals)
                .expect("the token program's id"),
        );
        self.run(&instructions, &[]).await;
        key
    }

    /// A token account of `owner` with `amount` tokens.
    pub fn create_token_account(
        &mut self,
        token_program: Pubkey,
        mint: Pubkey,
        owner: Pubkey,
        amount: u64,
    ) -> Pubkey {
        let address = Pubkey::new_unique();
        let state = spl_token::state::Account {
            mint,
            owner,
            amount,
            state: spl_token::state::AccountState::Initialized,
            ..spl_token::state::Account::default()
        };
        let mut data = vec![0; spl_token::state::Account::LEN];
        Pack::pack(state, &mut data).expect("its own length");
        self.write_account(address, token_program, data);
        address
    }

    /// What a token account holds.
    pub async fn tokens(&self, address: Pubkey) -> u64 {
        let account = self.find_account(address).await.expect("a token account");
        let base = account.data.get(..spl_token::state::Account::LEN);
        spl_token::state::Account::unpack(base.expect("long enough"))
            .expect("a token account")
            .amount
    }
}
