//! Functions: plain, recursive, in tables, and as methods of trait objects.

use crate::module::{Module, Variable};
use crate::types::{Type, U64};

/// How a parameter is passed.
#[derive(Clone, Copy, PartialEq)]
pub enum Passing {
    Value,
    Shared,
    Mutable,
}

/// A function that can be called.
#[derive(Clone)]
pub struct Function {
    pub name: String,
    pub parameters: Vec<(Type, Passing)>,
    pub returns: Type,
    /// Whether it calls itself: then its first parameter, `depth`, counts down, and the parameters above follow it.
    pub recursive: bool,
    pub cost: u64,
}

/// Functions of one type in an array.
#[derive(Clone)]
pub struct Table {
    pub name: String,
    pub length: usize,
    pub function: Function,
}

/// A method that several structs have.
#[derive(Clone)]
pub struct Method {
    pub owner: String,
    pub structs: [usize; 2],
    pub function: Function,
}

/// A call from a loop may cost no more.
pub const CALL_LIMIT: u64 = 3_000;
/// How deep recursive functions go.
const DEPTH: usize = 5;

impl Module {
    pub fn define_functions(&mut self) {
        for number in 0..3 + self.random.below(3) {
            match self.random.below(8) {
                0 | 1 => self.table(number),
                2 | 3 => self.methods(number),
                kind => {
                    let mut function = self.signature(format!("f{number}"));
                    function.recursive =
                        kind < 6 && self.functions.iter().filter(|f| f.recursive).count() < 2;
                    self.function(&mut function, None);
                    self.functions.push(function);
                }
            }
        }
        // The entry calls functions only: one that reaches the tables and methods comes last.
        let mut last = self.signature("last".to_owned());
        self.function(&mut last, None);
        self.functions.push(last);
    }

    fn signature(&mut self, name: String) -> Function {
        let count = self.random.pick(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]);
        let parameters = (0..count).map(|_| {
            let ty = self.any_type();
            let passing = match (&ty, self.random.below(4)) {
                (Type::Struct(_) | Type::Array(..) | Type::Enum(_), 0 | 1) => Passing::Shared,
                (_, 3) => Passing::Mutable,
                _ => Passing::Value,
            };
            (ty, passing)
        });
        let parameters = parameters.collect();
        Function {
            name,
            parameters,
            returns: self.any_type(),
            recursive: false,
            cost: 0,
        }
    }

    /// Writes a function; as a method, `receiver` comes in front of its parameters: how it is passed, and the struct.
    fn function(&mut self, function: &mut Function, receiver: Option<(&str, usize)>) {
        self.begin();
        let mut list = Vec::new();
        if let Some((receiver, number)) = receiver {
            list.push(receiver.to_owned());
            for (at, ty) in self.structs[number].iter().enumerate() {
                self.scope.push(Variable {
                    place: format!("self.f{at}"),
                    ty: ty.clone(),
                    mutable: receiver == "&mut self",
                });
            }
        }
        if function.recursive {
            list.push("depth: u32".to_owned());
            self.scope.push(Variable {
                place: "depth".to_owned(),
                ty: Type::Int(false, 32),
                mutable: false,
            });
        }
        list.extend(parameter_list(&function.parameters));
        for (at, (ty, passing)) in function.parameters.iter().enumerate() {
            let place = match passing {
                Passing::Value => format!("p{at}"),
                _ => format!("(*p{at})"),
            };
            self.scope.push(Variable {
                place,
                ty: ty.clone(),
                mutable: *passing != Passing::Shared,
            });
        }
        let attribute = self
            .random
            .pick(&["#[inline(never)] ", "#[inline(never)] ", ""]);
        self.line(&format!(
            "{attribute}fn {}({}) -> {} {{",
            function.name,
            list.join(", "),
            function.returns.name()
        ));
        if function.recursive {
            let base = self.expression(&function.returns, 1);
            self.line(&format!("if depth == 0 {{ return {base}; }}"));
        }
        let statements = 2 + self.random.below(4);
        self.statements(statements, 2, &function.returns);
        if function.recursive {
            for _ in 0..1 + self.random.below(2) {
                let call = self.call_function(function, Some("depth - 1"));
                self.bind(&function.returns, &call);
            }
            self.statements(1, 2, &function.returns);
            self.cost *= 1 << DEPTH;
        }
        let result = self.expression(&function.returns, 2);
        self.line(&format!("{result}\n}}"));
        function.cost = self.cost;
    }

    fn table(&mut self, number: usize) {
        let mut function = self.signature(String::new());
        let length = 2;
        let mut cost = 0;
        let mut names = Vec::new();
        for at in 0..length {
            function.name = format!("f{number}_{at}");
            self.function(&mut function, None);
            cost = function.cost.max(cost);
            names.push(function.name.clone());
        }
        function.cost = cost;
        let types = parameter_list(&function.parameters);
        let types: Vec<&str> = types
            .iter()
            .filter_map(|text| text.split_once(": "))
            .map(|(_, ty)| ty)
            .collect();
        let name = format!("T{number}");
        self.line(&format!(
            "static {name}: [fn({}) -> {}; {length}] = [{}];",
            types.join(", "),
            function.returns.name(),
            names.join(", ")
        ));
        self.tables.push(Table {
            name,
            length,
            function,
        });
    }

    fn methods(&mut self, number: usize) {
        let mut function = self.signature(format!("g{number}"));
        // Receivers of both kinds work on a variable of the caller's.
        let receiver = self.random.pick(&["&self", "&mut self"]);
        let owner = format!("W{number}");
        let mut list = vec![receiver.to_owned()];
        list.extend(
            parameter_list(&function.parameters)
                .into_iter()
                .map(|text| text.replace("mut p", "p")),
        );
        let head = format!(
            "fn {}({}) -> {}",
            function.name,
            list.join(", "),
            function.returns.name()
        );
        self.line(&format!("trait {owner} {{ {head}; }}"));
        let structs = [0, 1];
        let mut cost = 0;
        for number in &structs {
            self.line(&format!("impl {owner} for S{number} {{"));
            self.function(&mut function, Some((receiver, *number)));
            self.line("}");
            cost = function.cost.max(cost);
        }
        function.cost = cost;
        self.methods.push(Method {
            owner,
            structs,
            function,
        });
    }

    /// A call on new values; of a function that calls itself, as deep as `depth` says.
    pub fn call_function(&mut self, function: &Function, depth: Option<&str>) -> String {
        let name = function.name.clone();
        self.call(&name, function, depth)
    }

    fn call(&mut self, callee: &str, function: &Function, depth: Option<&str>) -> String {
        self.cost += self.factor * function.cost;
        let (mut binds, mut list) = (String::new(), Vec::new());
        if function.recursive {
            list.push(match depth {
                Some(depth) => depth.to_owned(),
                None => {
                    let word = self.expression(&U64, 0);
                    format!("({word} % {}) as u32", DEPTH + 1)
                }
            });
        }
        // One argument may be a variable that the function changes; the others are evaluated before it is lent.
        let mut lent = false;
        for (ty, passing) in &function.parameters {
            let variable = (*passing == Passing::Mutable && !lent)
                .then(|| self.mutable(ty))
                .flatten();
            if let Some(variable) = variable {
                lent = true;
                list.push(format!("&mut {variable}"));
                continue;
            }
            let (name, value) = (self.fresh(), self.expression(ty, 1));
            binds += &format!("let mut {name}: {} = {value}; ", ty.name());
            list.push(match passing {
                Passing::Value => name,
                Passing::Shared => format!("&{name}"),
                Passing::Mutable => format!("&mut {name}"),
            });
        }
        format!("{{ {binds}{callee}({}) }}", list.join(", "))
    }

    /// A call through a table or a trait object, if there is one that fits in here.
    pub fn indirect_call(&mut self) -> Option<(Type, String)> {
        let limit = CALL_LIMIT / self.factor;
        if self.random.chance(50) {
            let tables: Vec<Table> = self
                .tables
                .iter()
                .filter(|t| t.function.cost < limit)
                .cloned()
                .collect();
            let table = tables.get(self.random.below(tables.len().max(1)))?;
            let index = self.expression(&U64, 1);
            let hidden = self.random.pick(&["", "black_box"]);
            let callee = format!(
                "{hidden}({})[({index} % {}) as usize]",
                table.name, table.length
            );
            return Some((
                table.function.returns.clone(),
                self.call(&callee, &table.function, None),
            ));
        }
        let methods: Vec<Method> = self
            .methods
            .iter()
            .filter(|m| m.function.cost < limit)
            .cloned()
            .collect();
        let method = methods
            .get(self.random.below(methods.len().max(1)))?
            .clone();
        let mut text = String::from("{ ");
        let choice = self.expression(&Type::Bool, 1);
        let picked = [0, 1].map(|_| self.random.pick(&method.structs));
        for (at, number) in picked.into_iter().enumerate() {
            let value = self.expression(&Type::Struct(number), 1);
            text += &format!("let mut o{at} = {value}; ");
        }
        let object = match self.random.below(2) {
            0 => format!("let o: &mut dyn {0} = if {choice} {{ &mut o0 }} else {{ &mut o1 }}; ", method.owner),
            _ => format!(
                "let mut o: Box<dyn {0}> = if {choice} {{ Box::new(o0) }} else {{ Box::new(o1) }}; ",
                method.owner
            ),
        };
        let callee = format!("o.{}", method.function.name);
        let call = self.call(&callee, &method.function, None);
        Some((
            method.function.returns.clone(),
            format!("{text}{object}{call} }}"),
        ))
    }
}

/// Parameters as they are written.
fn parameter_list(parameters: &[(Type, Passing)]) -> Vec<String> {
    let each = |(at, (ty, passing)): (usize, &(Type, Passing))| match passing {
        Passing::Value => format!("mut p{at}: {}", ty.name()),
        Passing::Shared => format!("p{at}: &{}", ty.name()),
        Passing::Mutable => format!("p{at}: &mut {}", ty.name()),
    };
    parameters.iter().enumerate().map(each).collect()
}
