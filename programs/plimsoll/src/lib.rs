use anchor_lang::prelude::*;
declare_id!("2ducq5nhMgwuZ8EaTgmrR8uwVEtZFzkvxhC1LJifVZsS");
#[program]
pub mod plimsoll {}
