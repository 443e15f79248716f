//! Stack slots shared by all the rewritten operations of a function.
//!
//! A slot for each operation would eat the 4 KB frame. One is enough: what an operation leaves in it is read back
//! by the next instruction.

use std::collections::HashMap;

use crate::llvm::{Module, Type, Value};

/// One stack slot per function, made when first asked for.
pub struct Slots<'m, 'c> {
    module: &'m Module<'c>,
    slots: HashMap<Value, Value>,
}

impl<'m, 'c> Slots<'m, 'c> {
    /// No slots yet.
    pub fn new(module: &'m Module<'c>) -> Self {
        Self {
            module,
            slots: HashMap::new(),
        }
    }

    /// The slot of `function`, made with type `ty` where it does not exist yet.
    pub fn get(&mut self, function: Value, ty: Type) -> Value {
        *self.slots.entry(function).or_insert_with(|| {
            let builder = self.module.context().builder();
            let entry = function.blocks()[0];
            builder.before(entry.instructions()[0]);
            builder.alloca(ty, 8)
        })
    }
}
