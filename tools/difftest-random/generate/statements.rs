//! Statements: bindings, assignments, branches, loops, matches, work on arrays and vectors.

use crate::module::{Module, Variable};
use crate::types::{Type, U64};

/// A function's loops together may run no more often.
const LOOP_LIMIT: u64 = 300;

impl Module {
    /// So many statements, nested at most so deep, in a function that returns the type.
    pub fn statements(&mut self, count: usize, nesting: usize, returns: &Type) {
        for _ in 0..count {
            self.statement(nesting, returns);
        }
    }

    /// A new variable that holds what the text evaluates to.
    pub fn bind(&mut self, ty: &Type, value: &str) {
        let name = self.fresh();
        self.line(&format!("let mut {name}: {} = {value};", ty.name()));
        self.scope.push(Variable {
            place: name,
            ty: ty.clone(),
            mutable: true,
        });
    }

    fn statement(&mut self, nesting: usize, returns: &Type) {
        match self.random.below(if nesting == 0 { 9 } else { 17 }) {
            0..=2 => {
                let ty = self.any_type();
                let value = self.expression(&ty, 2);
                self.bind(&ty, &value);
            }
            3 => {
                if let Some((ty, call)) = self.indirect_call() {
                    self.bind(&ty, &call);
                }
            }
            4 => {
                if let Some(function) = self.callable() {
                    let call = self.call_function(&function, None);
                    self.bind(&function.returns, &call);
                }
            }
            5..=7 => self.assign(),
            8 => self.on_array(),
            9 | 10 => self.branch(nesting - 1, returns),
            11..=13 => self.repeat(nesting - 1, returns),
            14 => self.choose(nesting - 1, returns),
            15 => self.vector(),
            _ => {
                let (c, value) = (self.expression(&Type::Bool, 2), self.expression(returns, 1));
                let other = self.expression(&U64, 1);
                self.line(&format!(
                    "if {c} && ({other}) % 3 == 0 {{ return {value}; }}"
                ));
            }
        }
    }

    fn callable(&mut self) -> Option<crate::functions::Function> {
        let limit = crate::functions::CALL_LIMIT / self.factor;
        let fitting: Vec<_> = self
            .functions
            .iter()
            .filter(|f| f.cost < limit)
            .cloned()
            .collect();
        fitting
            .get(self.random.below(fitting.len().max(1)))
            .cloned()
    }

    /// Statements in a block of their own.
    fn block(&mut self, nesting: usize, returns: &Type) {
        let mark = self.scope.len();
        let count = 1 + self.random.below(3);
        self.statements(count, nesting, returns);
        self.scope.truncate(mark);
    }

    fn assign(&mut self) {
        let places: Vec<Variable> = self.scope.iter().filter(|v| v.mutable).cloned().collect();
        let Some(target) = places.get(self.random.below(places.len().max(1))).cloned() else {
            return;
        };
        match &target.ty {
            Type::Struct(number) if self.random.chance(70) => {
                let at = self.random.below(self.structs[*number].len());
                let field = self.structs[*number][at].clone();
                let value = self.expression(&field, 2);
                self.line(&format!("{}.f{at} = {value};", target.place));
            }
            Type::Array(element, length) => {
                let (index, value) = (self.expression(&U64, 1), self.expression(element, 2));
                // Now and then an index out of bounds, which ends the run.
                let bound = length + usize::from(self.random.chance(5));
                self.line(&format!(
                    "{}[({index} % {bound}) as usize] = {value};",
                    target.place
                ));
            }
            ty => {
                let value = self.expression(ty, 2);
                self.line(&format!("{} = {value};", target.place));
            }
        }
    }

    fn on_array(&mut self) {
        let is_array = |v: &&Variable| v.mutable && matches!(v.ty, Type::Array(..));
        let arrays: Vec<Variable> = self.scope.iter().filter(is_array).cloned().collect();
        let Some(Variable { place, ty, .. }) =
            arrays.get(self.random.below(arrays.len().max(1))).cloned()
        else {
            return;
        };
        let Type::Array(element, length) = ty else {
            return;
        };
        let (i, j) = (self.expression(&U64, 1), self.expression(&U64, 1));
        self.cost += self.factor * 20 * length as u64;
        let text = match self.random.below(5) {
            0 => format!("{place}.sort_unstable();"),
            1 => format!("{place}.reverse();"),
            2 => format!("{place}.swap(({i} % {length}) as usize, ({j} % {length}) as usize);"),
            3 => format!("{place}.rotate_left(({i} % {length}) as usize);"),
            _ => {
                let value = self.expression(&element, 1);
                format!("for x in {place}.iter_mut() {{ *x = (*x).rotate_left(3) ^ ({value}); }}")
            }
        };
        self.line(&text);
    }

    fn branch(&mut self, nesting: usize, returns: &Type) {
        let c = self.expression(&Type::Bool, 2);
        self.line(&format!("if {c} {{"));
        self.block(nesting, returns);
        if self.random.chance(60) {
            self.line("} else {");
            self.block(nesting, returns);
        }
        self.line("}");
    }

    /// A loop. It divides by what does not change in it, behind a check, as programs that share something out do.
    fn repeat(&mut self, nesting: usize, returns: &Type) {
        let most = 2 + self.random.below(8) as u64;
        if self.factor * most > LOOP_LIMIT {
            return;
        }
        let (sum, index, count) = (self.fresh(), self.fresh(), self.expression(&U64, 1));
        let (amount, total) = (self.fresh(), self.fresh());
        let ty = self.random.pick(&[
            U64,
            U64,
            Type::Int(false, 32),
            Type::Int(true, 64),
            Type::Int(false, 128),
        ]);
        let (a, t) = (self.expression(&ty, 1), self.expression(&ty, 1));
        let name = ty.name();
        self.line(&format!(
            "let ({amount}, {total}): ({name}, {name}) = ({a}, {t});"
        ));
        self.line(&format!("let mut {sum}: u64 = 0;"));
        self.line(&format!("for {index} in 0..({count}) % {} {{", most + 1));
        self.factor *= most;
        let mark = self.scope.len();
        let known = |place: &str, ty: Type, mutable| Variable {
            place: place.to_owned(),
            ty,
            mutable,
        };
        self.scope.push(known(&index, U64, false));
        self.scope.push(known(&sum, U64, true));
        self.block(nesting, returns);
        let (value, what) = (self.expression(&U64, 2), self.random.pick(&["div", "rem"]));
        self.line(&format!(
            "{sum} = {sum}.rotate_left(5).wrapping_add(({amount}.checked_{what}({total}).unwrap_or(0) as u64) ^ ({value}));"
        ));
        self.block(nesting, returns);
        self.scope.truncate(mark);
        self.factor /= most;
        self.line("}");
        self.scope.push(known(&sum, U64, true));
    }

    fn choose(&mut self, nesting: usize, returns: &Type) {
        let number = self.random.below(self.enums.len());
        let value = self.expression(&Type::Enum(number), 1);
        self.line(&format!("match {value} {{"));
        for variant in 0..self.enums[number].len() {
            let mark = self.scope.len();
            let mut names = Vec::new();
            for ty in self.enums[number][variant].clone() {
                let name = self.fresh();
                self.scope.push(Variable {
                    place: name.clone(),
                    ty,
                    mutable: true,
                });
                names.push(format!("mut {name}"));
            }
            self.line(&format!(
                "E{number}::V{variant}({}) => {{",
                names.join(", ")
            ));
            self.block(nesting, returns);
            self.line("}");
            self.scope.truncate(mark);
        }
        self.line("}");
    }

    /// A vector on the heap: filled, sorted by a key (ties in order), formatted or folded.
    fn vector(&mut self) {
        if self.factor > 4 {
            return;
        }
        self.cost += self.factor * 1_000;
        let element = self.int_type();
        let (list, name, count) = (self.fresh(), element.name(), self.expression(&U64, 1));
        let value = self.expression(&element, 2);
        self.line(&format!(
            "let mut {list}: Vec<{name}> = (0..({count}) % 30).map(|n| ({value}).wrapping_mul(n as {name}).rotate_left(n as u32 % 8)).collect();"
        ));
        let text = match self.random.below(4) {
            0 => format!("{list}.sort_by_key(|x| *x & 7);"),
            1 => format!("{list}.sort_unstable(); {list}.dedup();"),
            2 => format!("{list}.retain(|x| x.count_ones() % 2 == 0);"),
            _ => format!(
                "{list}.extend(format!(\"{{:?}}\", {list}.first()).bytes().map(|x| x as {name}));"
            ),
        };
        self.line(&text);
        let folded = format!("{list}.iter().fold(7u64, |d, x| d.rotate_left(9) ^ (*x as u64))");
        self.bind(&U64, &folded);
    }
}
