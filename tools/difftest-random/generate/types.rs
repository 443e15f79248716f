//! The types of a module.

use crate::module::Module;

/// A type; structs and enums by their number in the module.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    /// Whether it has a sign, and its bits.
    Int(bool, u32),
    Bool,
    Float,
    Struct(usize),
    Enum(usize),
    Array(Box<Type>, usize),
    Option(Box<Type>),
    Pair(Box<Type>, Box<Type>),
}

pub const U64: Type = Type::Int(false, 64);
const WIDTHS: [u32; 7] = [8, 16, 32, 64, 64, 128, 128];
/// More would fill the stack frames of functions that hold several.
const LARGEST: usize = 128;

impl Type {
    pub fn name(&self) -> String {
        match self {
            Self::Int(signed, bits) => format!("{}{bits}", if *signed { "i" } else { "u" }),
            Self::Bool => "bool".to_owned(),
            Self::Float => "f64".to_owned(),
            Self::Struct(number) => format!("S{number}"),
            Self::Enum(number) => format!("E{number}"),
            Self::Array(element, length) => format!("[{}; {length}]", element.name()),
            Self::Option(inner) => format!("Option<{}>", inner.name()),
            Self::Pair(a, b) => format!("({}, {})", a.name(), b.name()),
        }
    }
}

impl Module {
    pub fn int_type(&mut self) -> Type {
        Type::Int(self.random.chance(40), self.random.pick(&WIDTHS))
    }

    /// Any type of a size that stack frames can bear.
    pub fn any_type(&mut self) -> Type {
        loop {
            let ty = match self.random.below(20) {
                0 | 1 => Type::Bool,
                2 => Type::Float,
                3..=5 if !self.structs.is_empty() => {
                    Type::Struct(self.random.below(self.structs.len()))
                }
                6 | 7 if !self.enums.is_empty() => Type::Enum(self.random.below(self.enums.len())),
                8 | 9 => Type::Array(Box::new(self.int_type()), 2 + self.random.below(6)),
                10 => Type::Option(Box::new(self.any_type())),
                11 => Type::Pair(Box::new(self.int_type()), Box::new(self.any_type())),
                _ => self.int_type(),
            };
            if self.size(&ty) <= LARGEST {
                return ty;
            }
        }
    }

    /// About how many bytes a value takes.
    fn size(&self, ty: &Type) -> usize {
        let sum = |list: &[Type]| list.iter().map(|ty| self.size(ty)).sum::<usize>();
        match ty {
            Type::Int(_, bits) => *bits as usize / 8,
            Type::Bool => 1,
            Type::Float => 8,
            Type::Struct(number) => sum(&self.structs[*number]),
            Type::Enum(number) => {
                let variants = self.enums[*number].iter();
                8 + variants.map(|fields| sum(fields)).max().unwrap_or(0)
            }
            Type::Array(element, length) => self.size(element) * length,
            Type::Option(inner) => 8 + self.size(inner),
            Type::Pair(a, b) => self.size(a) + self.size(b),
        }
    }
}
