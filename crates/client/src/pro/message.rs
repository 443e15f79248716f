//! A signed message: as Pyth delivers it, as an instruction of the transaction that uses it.
use anchor_lang::{prelude::Pubkey, solana_program::instruction::Instruction};
use plimsoll::oracle::pyth_pro::{instruction, FeedUpdate, Message};

/// What Pyth's form for Solana begins with; then follow signature, key, the message's length (u16) and the message.
const MAGIC: u32 = 2_182_742_457;

/// A message with the signature over it.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedMessage {
    signer: [u8; 32],
    signature: [u8; 64],
    payload: Vec<u8>,
    timestamp_us: u64,
    feeds: Vec<FeedUpdate>,
}

impl core::fmt::Debug for SignedMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SignedMessage")
            .field("signer", &self.signer())
            .field("timestamp_us", &self.timestamp_us)
            .field("feeds", &self.feeds)
            .finish()
    }
}

/// Why bytes are not a signed message that the program could read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageError {
    /// Another format, or cut short.
    Malformed,
    /// Longer than an instruction's length field can say.
    TooLong(usize),
    /// The program's reader refuses the content.
    Unreadable,
}

impl core::fmt::Display for MessageError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a signed message in Pyth's form for Solana"),
            Self::TooLong(len) => write!(f, "a message of {len} bytes fits no instruction"),
            Self::Unreadable => f.write_str("the message is not one of prices"),
        }
    }
}

impl std::error::Error for MessageError {}

impl SignedMessage {
    /// A message and its signature, which is not checked here.
    ///
    /// # Errors
    /// When the program could not read it.
    pub fn new(
        signer: [u8; 32],
        signature: [u8; 64],
        payload: Vec<u8>,
    ) -> Result<Self, MessageError> {
        u16::try_from(payload.len()).map_err(|_| MessageError::TooLong(payload.len()))?;
        let message = Message::read(&payload).map_err(|_| MessageError::Unreadable)?;
        let timestamp_us = message.timestamp_us;
        let feeds: Result<Vec<_>, _> = message.feeds().collect();
        Ok(Self {
            signer,
            signature,
            timestamp_us,
            feeds: feeds.map_err(|_| MessageError::Unreadable)?,
            payload,
        })
    }

    /// Takes a message in Pyth's form for Solana apart.
    ///
    /// # Errors
    /// When it is not exactly that.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let parts = || {
            let rest = bytes.strip_prefix(&MAGIC.to_le_bytes())?;
            let (signature, rest) = rest.split_first_chunk()?;
            let (signer, rest) = rest.split_first_chunk()?;
            let (len, payload) = rest.split_first_chunk()?;
            let whole = payload.len() == usize::from(u16::from_le_bytes(*len));
            whole.then_some((*signer, *signature, payload.to_vec()))
        };
        let (signer, signature, payload) = parts().ok_or(MessageError::Malformed)?;
        Self::new(signer, signature, payload)
    }

    /// The message in Pyth's form for Solana.
    pub fn encode(&self) -> Vec<u8> {
        let len = self.payload_len().to_le_bytes();
        [
            &MAGIC.to_le_bytes()[..],
            &self.signature,
            &self.signer,
            &len,
            &self.payload,
        ]
        .concat()
    }

    /// The instruction that has the signature checked and carries the message; its index in the transaction is what a
    /// refresh names. Any number of the transaction's instructions may name it.
    pub fn instruction(&self) -> Instruction {
        let header = instruction::header(self.payload_len());
        Instruction {
            program_id: instruction::ED25519_PROGRAM,
            accounts: Vec::new(),
            data: [&header[..], &self.signer, &self.signature, &self.payload].concat(),
        }
    }

    /// Who signed.
    pub fn signer(&self) -> Pubkey {
        self.signer.into()
    }

    /// The signature.
    pub fn signature(&self) -> &[u8; 64] {
        &self.signature
    }

    /// What is signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// When Pyth put it together, Unix time in microseconds.
    pub fn timestamp_us(&self) -> u64 {
        self.timestamp_us
    }

    /// What it says of each feed.
    pub fn feeds(&self) -> &[FeedUpdate] {
        &self.feeds
    }

    /// Whether it tells every one of these feeds.
    pub fn tells(&self, feeds: &[u32]) -> bool {
        let told = |id: &u32| self.feeds.iter().any(|feed| feed.id == *id);
        feeds.iter().all(told)
    }

    /// Checked when it was made to fit.
    fn payload_len(&self) -> u16 {
        self.payload.len() as u16
    }
}

#[cfg(feature = "rpc")]
impl SignedMessage {
    /// Signs a payload.
    ///
    /// # Errors
    /// When the program could not read it.
    pub fn sign(
        signer: &dyn solana_signer::Signer,
        payload: Vec<u8>,
    ) -> Result<Self, MessageError> {
        let signature = signer.sign_message(&payload);
        Self::new(signer.pubkey().to_bytes(), signature.into(), payload)
    }

    /// Whether the signature is the signer's over this payload.
    pub fn is_signed(&self) -> bool {
        solana_signature::Signature::from(self.signature).verify(&self.signer, &self.payload)
    }
}
