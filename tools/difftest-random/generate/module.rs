//! A module: its types, constants, functions, and the entry that hashes what they return.

use std::fmt::Write;

use crate::functions::{Function, Method, Table};
use crate::random::Random;
use crate::types::{Type, U64};

/// A variable in scope: how it is written, and whether it can be assigned to.
#[derive(Clone)]
pub struct Variable {
    pub place: String,
    pub ty: Type,
    pub mutable: bool,
}

/// What is known while a module is written.
pub struct Module {
    pub random: Random,
    pub structs: Vec<Vec<Type>>,
    pub enums: Vec<Vec<Vec<Type>>>,
    /// Lengths of the constants that a function chooses from.
    pub constants: Vec<usize>,
    pub functions: Vec<Function>,
    pub tables: Vec<Table>,
    pub methods: Vec<Method>,
    /// Of the function that is being written.
    pub scope: Vec<Variable>,
    /// Numbers given to variables so far.
    pub names: usize,
    /// How often what is being written runs in a call.
    pub factor: u64,
    /// About what a call of it takes.
    pub cost: u64,
    pub text: String,
}

/// The module's text.
pub fn write(number: usize, random: Random) -> String {
    let mut module = Module {
        random,
        structs: Vec::new(),
        enums: Vec::new(),
        constants: Vec::new(),
        functions: Vec::new(),
        tables: Vec::new(),
        methods: Vec::new(),
        scope: Vec::new(),
        names: 0,
        factor: 1,
        cost: 0,
        text: String::new(),
    };
    module.constants();
    module.types();
    module.define_functions();
    module.entry();
    format!(
        "pub mod m{number} {{\nuse crate::support::*;\n{}}}\n",
        module.text
    )
}

impl Module {
    pub fn line(&mut self, text: &str) {
        self.text += text;
        self.text.push('\n');
    }

    pub fn fresh(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// Constants of several lengths, and a function that lends one or none.
    fn constants(&mut self) {
        self.constants = (0..2 + self.random.below(3))
            .map(|_| 1 + self.random.below(9))
            .collect();
        let mut arms = String::new();
        for (number, length) in self.constants.clone().into_iter().enumerate() {
            let values: Vec<String> = (0..length).map(|_| self.literal(&U64)).collect();
            self.line(&format!(
                "static C{number}: [u64; {length}] = [{}];",
                values.join(", ")
            ));
            let _ = write!(arms, "{number} => Some(&C{number}), ");
        }
        self.line(&format!(
            "#[inline(never)] fn constant(k: u64) -> Option<&'static [u64]> {{ match k % {} {{ {arms}_ => None }} }}",
            self.constants.len() + 1
        ));
    }

    fn types(&mut self) {
        const DERIVE: &str = "#[derive(Clone, Copy, PartialEq, Debug)]";
        for number in 0..2 + self.random.below(2) {
            let fields: Vec<Type> = (0..2 + self.random.below(5))
                .map(|_| self.any_type())
                .collect();
            let (mut list, mut mixes) = (String::new(), String::new());
            for (at, ty) in fields.iter().enumerate() {
                let _ = write!(list, "f{at}: {}, ", ty.name());
                let _ = write!(mixes, "self.f{at}.mix(d); ");
            }
            self.line(&format!("{DERIVE} struct S{number} {{ {list}}}"));
            self.line(&format!(
                "impl Mix for S{number} {{ fn mix(&self, d: &mut Digest) {{ {mixes}}} }}"
            ));
            self.structs.push(fields);
            if number == 2 {
                continue;
            }
            let variants: Vec<Vec<Type>> = (0..2 + self.random.below(4))
                .map(|_| (0..self.random.below(4)).map(|_| self.any_type()).collect())
                .collect();
            let (mut list, mut arms) = (String::new(), String::new());
            for (at, fields) in variants.iter().enumerate() {
                let types: Vec<String> = fields.iter().map(Type::name).collect();
                let names: Vec<String> = (0..fields.len()).map(|n| format!("x{n}")).collect();
                let _ = write!(list, "V{at}({}), ", types.join(", "));
                let mixes: String = names
                    .iter()
                    .map(|name| format!("{name}.mix(d); "))
                    .collect();
                let _ = write!(
                    arms,
                    "Self::V{at}({}) => {{ d.put({at}); {mixes}}} ",
                    names.join(", ")
                );
            }
            self.line(&format!("{DERIVE} enum E{number} {{ {list}}}"));
            self.line(&format!(
                "impl Mix for E{number} {{ fn mix(&self, d: &mut Digest) {{ match self {{ {arms}}} }} }}"
            ));
            self.enums.push(variants);
        }
    }

    /// Calls everything on values made of the input, and hashes the results.
    fn entry(&mut self) {
        self.line("pub fn entry(i: &[u64; 6]) -> u64 {\nlet mut d = Digest::new();");
        for number in 0..self.functions.len() {
            self.line(&format!("d.put(call{number}(i));"));
        }
        self.line("d.0\n}");
        for number in 0..self.functions.len() {
            self.line(&format!(
                "#[inline(never)] fn call{number}(i: &[u64; 6]) -> u64 {{\nlet mut d = Digest::new();"
            ));
            self.begin();
            for word in 0..6 {
                self.scope.push(Variable {
                    place: format!("i[{word}]"),
                    ty: U64,
                    mutable: false,
                });
            }
            let wide = "((i[1] as u128) << 64 | i[0] as u128)";
            for (text, ty) in [
                (wide.to_owned(), Type::Int(false, 128)),
                (format!("({wide} as i128)"), Type::Int(true, 128)),
                ("(i[2] as i64)".to_owned(), Type::Int(true, 64)),
                ("(i[3] as i64 as f64)".to_owned(), Type::Float),
                ("(i[4] as u8)".to_owned(), Type::Int(false, 8)),
                ("(i[5] as i32)".to_owned(), Type::Int(true, 32)),
            ] {
                self.scope.push(Variable {
                    place: text,
                    ty,
                    mutable: false,
                });
            }
            let function = self.functions[number].clone();
            let times = 1 + self.random.below(2);
            for _ in 0..times {
                let call = self.call_function(&function, None);
                self.line(&format!("{{ let result = {call}; result.mix(&mut d); }}"));
            }
            self.line("d.0\n}");
        }
    }

    /// Starts a function.
    pub fn begin(&mut self) {
        self.scope.clear();
        self.names = 0;
        self.factor = 1;
        self.cost = 1;
    }
}
