//! Expressions of a given type.

use crate::functions::CALL_LIMIT;
use crate::module::{Module, Variable};
use crate::types::{Type, U64};

impl Module {
    /// A constant of the type.
    pub fn literal(&mut self, ty: &Type) -> String {
        match ty {
            Type::Int(signed, bits) => integer(self.random.edge(), *signed, *bits),
            Type::Bool => self.random.pick(&["true", "false"]).to_owned(),
            Type::Float => self
                .random
                .pick(&[
                    "0.0f64", "1.5f64", "0.1f64", "-3.0f64", "1e10f64", "1e300f64",
                ])
                .to_owned(),
            _ => self.expression(ty, 0),
        }
    }

    fn variables(&self, ty: &Type, mutable: bool) -> Vec<&Variable> {
        let fits = |v: &&Variable| v.ty == *ty && (v.mutable || !mutable);
        self.scope.iter().filter(fits).collect()
    }

    /// A variable of the type.
    pub fn variable(&mut self, ty: &Type) -> Option<String> {
        let count = self.variables(ty, false).len();
        let at = self.random.below(count.max(1));
        Some(self.variables(ty, false).get(at)?.place.clone())
    }

    /// A variable of the type that can be assigned to.
    pub fn mutable(&mut self, ty: &Type) -> Option<String> {
        let count = self.variables(ty, true).len();
        let at = self.random.below(count.max(1));
        Some(self.variables(ty, true).get(at)?.place.clone())
    }

    /// An expression of the type, at most so many operations deep.
    pub fn expression(&mut self, ty: &Type, depth: usize) -> String {
        self.cost += self.factor
            * if matches!(ty, Type::Int(_, 128) | Type::Float) {
                20
            } else {
                2
            };
        // A value of many parts is taken from a variable where there is one.
        let is_large = !matches!(ty, Type::Int(..) | Type::Bool | Type::Float);
        if depth == 0 || self.random.chance(if is_large { 75 } else { 15 }) {
            if let Some(variable) = self
                .variable(ty)
                .filter(|_| depth == 0 || is_large || self.random.0 & 3 > 0)
            {
                return variable;
            }
        }
        if depth > 1 && self.random.chance(12) {
            if let Some(text) = self.shared(ty, depth - 1) {
                return text;
            }
        }
        let below = depth.saturating_sub(1);
        match ty {
            Type::Int(signed, bits) if depth > 0 => self.arithmetic(ty, *signed, *bits, below),
            Type::Float if depth > 0 => self.float(below),
            Type::Bool if depth > 0 => self.condition(below),
            Type::Int(..) | Type::Float | Type::Bool => self.literal(ty),
            Type::Struct(number) => {
                let fields = self.structs[*number].clone();
                let rest = self.variable(ty).filter(|_| fields.len() > 2);
                let keep = if rest.is_some() { 1 } else { fields.len() };
                let mut list = Vec::new();
                for (at, field) in fields.iter().enumerate().take(keep) {
                    list.push(format!("f{at}: {}", self.expression(field, below)));
                }
                list.extend(rest.map(|rest| format!("..{rest}")));
                format!("S{number} {{ {} }}", list.join(", "))
            }
            Type::Enum(number) => {
                let variant = self.random.below(self.enums[*number].len());
                let fields = self.enums[*number][variant].clone();
                let list: Vec<String> = fields
                    .iter()
                    .map(|field| self.expression(field, below))
                    .collect();
                format!("E{number}::V{variant}({})", list.join(", "))
            }
            Type::Array(element, length) => {
                if self.random.chance(30) {
                    return format!("[{}; {length}]", self.expression(element, below));
                }
                let list: Vec<String> = (0..*length)
                    .map(|_| self.expression(element, below.min(1)))
                    .collect();
                format!("[{}]", list.join(", "))
            }
            Type::Option(inner) => match (&**inner, self.random.below(4)) {
                (_, 0) => "None".to_owned(),
                (Type::Int(..), 1 | 2) if depth > 0 => {
                    let (a, b) = (self.expression(inner, below), self.expression(inner, below));
                    let what = self.random.pick(&["add", "sub", "mul", "div", "rem"]);
                    format!("({a}).checked_{what}({b})")
                }
                _ => format!("Some({})", self.expression(inner, below)),
            },
            Type::Pair(a, b) => {
                let (a, b) = (self.expression(a, below), self.expression(b, below));
                format!("({a}, {b})")
            }
        }
    }

    /// What any type can come from: choices, calls, the inside of something else.
    fn shared(&mut self, ty: &Type, depth: usize) -> Option<String> {
        match self.random.below(5) {
            0 => {
                let (c, a, b) = (
                    self.expression(&Type::Bool, depth),
                    self.expression(ty, depth),
                    self.expression(ty, depth),
                );
                Some(format!("(if {c} {{ {a} }} else {{ {b} }})"))
            }
            1 => {
                let limit = CALL_LIMIT / self.factor;
                let mut found = self
                    .functions
                    .iter()
                    .filter(|f| f.returns == *ty && f.cost < limit);
                let function = found.next()?.clone();
                Some(self.call_function(&function, None))
            }
            2 => {
                let index = self.expression(&U64, depth);
                let arms: Vec<String> = (0..2 + self.random.below(5))
                    .map(|at| format!("{at} => {}", self.expression(ty, depth.min(1))))
                    .collect();
                let other = self.expression(ty, depth.min(1));
                Some(format!(
                    "(match {index} % {} {{ {}, _ => {other} }})",
                    arms.len() + 2,
                    arms.join(", ")
                ))
            }
            3 => {
                let variable = self.variable(&Type::Option(Box::new(ty.clone())))?;
                let other = self.expression(ty, depth.min(1));
                Some(format!("({variable}).unwrap_or({other})"))
            }
            _ => {
                let held = |v: &&Variable| matches!(&v.ty, Type::Struct(number) if self.structs[*number].contains(ty));
                let held: Vec<Variable> = self.scope.iter().filter(held).cloned().collect();
                let holder = held.get(self.random.below(held.len().max(1)))?;
                let Type::Struct(number) = holder.ty else {
                    return None;
                };
                let at = self.structs[number].iter().position(|field| field == ty)?;
                Some(format!("{}.f{at}", holder.place))
            }
        }
    }

    fn arithmetic(&mut self, ty: &Type, signed: bool, bits: u32, depth: usize) -> String {
        let name = ty.name();
        let (a, b) = (self.expression(ty, depth), self.expression(ty, depth));
        let amount = |m: &mut Self| {
            let amount = m.expression(&U64, depth.min(1));
            format!("({amount} % {bits}) as u32")
        };
        match self.random.below(26) {
            0..=3 => {
                let what = self.random.pick(&["add", "sub", "mul"]);
                format!("({a}).wrapping_{what}({b})")
            }
            4 | 5 => {
                let what = self.random.pick(&["add", "sub", "mul", "div"]);
                let other = self.expression(ty, 0);
                format!("({a}).checked_{what}({b}).unwrap_or({other})")
            }
            6..=8 => {
                let (what, other) = (
                    self.random
                        .pick(&["div", "rem", "div_euclid", "rem_euclid"]),
                    self.literal(ty),
                );
                format!("({a}).checked_{what}({b}).unwrap_or({other})")
            }
            9 => {
                let what = self.random.pick(&["add", "sub", "mul"]);
                format!("({a}).saturating_{what}({b})")
            }
            10 => {
                let what = self.random.pick(&["add", "sub", "mul"]);
                format!("{{ let (x, y) = ({a}).overflowing_{what}({b}); x ^ (y as {name}) }}")
            }
            11 => format!("(({a}) {} ({b}))", self.random.pick(&["&", "|", "^"])),
            12 => {
                let (by, what) = (amount(self), self.random.pick(&["<<", ">>"]));
                format!("(({a}) {what} ({by}))")
            }
            13 => {
                let (by, what) = (amount(self), self.random.pick(&["left", "right"]));
                format!("({a}).rotate_{what}({by})")
            }
            14 => {
                let what = self
                    .random
                    .pick(&["count_ones", "leading_zeros", "trailing_zeros"]);
                format!("(({a}).{what}() as {name})")
            }
            15 => format!(
                "({a}).{}()",
                self.random.pick(&["swap_bytes", "reverse_bits"])
            ),
            16 => format!("({a}).{}({b})", self.random.pick(&["min", "max"])),
            17 => format!("(({a}).abs_diff({b}) as {name})"),
            18 if signed => format!(
                "({a}).{}()",
                self.random
                    .pick(&["signum", "wrapping_abs", "wrapping_neg"])
            ),
            18 => format!("({a}).isqrt()"),
            19 => {
                let power = self.random.below(5);
                format!("({a}).wrapping_pow({power})")
            }
            20 => {
                let float = self.expression(&Type::Float, depth.min(1));
                format!("(({float}) as {name})")
            }
            21 => {
                let index = self.expression(&U64, depth.min(1));
                let other = self.literal(&U64);
                format!("(constant({index}).map_or({other}, |list| list[({index} % 9) as usize % list.len()]) as {name})")
            }
            // Plain operations end the run where they overflow or divide by zero.
            22 if self.random.chance(35) => {
                let what = self.random.pick(&["+", "-", "*", "/", "%"]);
                format!("(({a}) {what} ({b}))")
            }
            _ => {
                let other = self.int_type();
                let value = self.expression(&other, depth);
                format!("(({value}) as {name})")
            }
        }
    }

    fn float(&mut self, depth: usize) -> String {
        let (a, b) = (
            self.expression(&Type::Float, depth),
            self.expression(&Type::Float, depth),
        );
        match self.random.below(4) {
            0 => {
                let ty = self.int_type();
                let value = self.expression(&ty, depth);
                format!("(({value}) as f64)")
            }
            1 => format!("(-({a}))"),
            _ => format!("(({a}) {} ({b}))", self.random.pick(&["+", "-", "*", "/"])),
        }
    }

    fn condition(&mut self, depth: usize) -> String {
        match self.random.below(6) {
            0 => format!("(!({}))", self.expression(&Type::Bool, depth)),
            1 => {
                let (a, b) = (
                    self.expression(&Type::Bool, depth),
                    self.expression(&Type::Bool, depth),
                );
                format!(
                    "(({a}) {} ({b}))",
                    self.random.pick(&["&&", "||", "^", "=="])
                )
            }
            2 => {
                let ty = self.any_type();
                let (a, b) = (
                    self.expression(&ty, depth.min(1)),
                    self.expression(&ty, depth.min(1)),
                );
                format!(
                    "{{ let (a, b): ({0}, {0}) = ({a}, {b}); a == b }}",
                    ty.name()
                )
            }
            _ => {
                let ty = if self.random.chance(90) {
                    self.int_type()
                } else {
                    Type::Float
                };
                let (a, b) = (self.expression(&ty, depth), self.expression(&ty, depth));
                format!(
                    "(({a}) {} ({b}))",
                    self.random.pick(&["<", "<=", ">", ">=", "==", "!="])
                )
            }
        }
    }
}

/// A constant as it is written: the value's low bits, with the sign they give.
fn integer(value: u128, signed: bool, bits: u32) -> String {
    let low = value & (u128::MAX >> (128 - bits));
    let name = Type::Int(signed, bits).name();
    if !signed || low >> (bits - 1) == 0 {
        return format!("{low}{name}");
    }
    let magnitude = (low.wrapping_neg()) & (u128::MAX >> (128 - bits));
    if magnitude >> (bits - 1) == 1 {
        format!("{name}::MIN")
    } else {
        format!("(-{magnitude}{name})")
    }
}
