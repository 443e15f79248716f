//! Links rustc's outputs: bitcode objects whole, archives by need.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use object::read::archive::ArchiveFile;

use crate::llvm::{Context, Module};
use crate::names::{soft_float, RUNTIME};

/// The members of all archives, by the symbols they define.
struct Library {
    members: Vec<(String, Vec<u8>)>,
    by_symbol: HashMap<String, usize>,
}

/// Links `inputs` into one module.
///
/// Of the archives only members come in that define something undefined. The runtime also takes in the soft-float
/// routines that the rewrites may call. The memory routines of `compiler_builtins` stay out: the runtime has its own.
pub fn link<'c>(context: &'c Context, inputs: &[PathBuf]) -> Result<Module<'c>> {
    let mut program = Module::empty(context, "program")?;
    let mut library = Library {
        members: Vec::new(),
        by_symbol: HashMap::new(),
    };
    for path in inputs {
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        if bytes.starts_with(b"!<arch>\n") {
            library.add(context, path, &bytes)?;
        } else if is_bitcode(&bytes) {
            // What is no bitcode is rustc's list of symbols to export, as an object without code.
            program.link(Module::from_bitcode(
                context,
                &bytes,
                &path.display().to_string(),
            )?)?;
        }
    }
    library.resolve(context, &mut program)?;
    Ok(program)
}

impl Library {
    fn add(&mut self, context: &Context, path: &Path, bytes: &[u8]) -> Result<()> {
        let archive =
            ArchiveFile::parse(bytes).with_context(|| format!("cannot read {}", path.display()))?;
        for member in archive.members() {
            let member = member.with_context(|| format!("cannot read {}", path.display()))?;
            let data = member
                .data(bytes)
                .with_context(|| format!("cannot read {}", path.display()))?;
            if !is_bitcode(data) {
                continue;
            }
            let name = format!(
                "{}({})",
                path.display(),
                String::from_utf8_lossy(member.name())
            );
            let module = Module::from_bitcode(context, data, &name)?;
            let symbols = module.functions().into_iter().chain(module.globals());
            for symbol in symbols.filter(|symbol| !symbol.is_declaration()) {
                self.by_symbol
                    .entry(symbol.name())
                    .or_insert(self.members.len());
            }
            self.members.push((name, data.to_vec()));
        }
        Ok(())
    }

    fn resolve(&self, context: &Context, program: &mut Module<'_>) -> Result<()> {
        let mut linked = vec![false; self.members.len()];
        let is_runtime = program
            .function(RUNTIME[0])
            .is_some_and(|function| !function.is_declaration());
        let mut wanted: Vec<String> = if is_runtime {
            soft_float().collect()
        } else {
            Vec::new()
        };
        loop {
            wanted.extend(undefined(program));
            let needed = |name: &String| {
                self.by_symbol
                    .get(name)
                    .copied()
                    .filter(|&member| !linked[member])
            };
            let Some(member) = wanted.iter().find_map(needed) else {
                return Ok(());
            };
            linked[member] = true;
            let (name, data) = &self.members[member];
            // SAFETY of lifetimes: `program` lives in `context`, and so does the member.
            let module = Module::from_bitcode(program.context(), data, name)?;
            debug_assert!(std::ptr::eq(context, program.context()));
            program.link(module)?;
            wanted.retain(|name| {
                self.by_symbol
                    .get(name)
                    .is_some_and(|&member| !linked[member])
            });
        }
    }
}

fn is_bitcode(bytes: &[u8]) -> bool {
    bytes.starts_with(b"BC\xC0\xDE")
}

/// What the module uses but does not define, apart from what the runtime defines.
fn undefined(module: &Module<'_>) -> Vec<String> {
    let functions = module
        .functions()
        .into_iter()
        .filter(|function| !function.is_intrinsic());
    let symbols = functions
        .chain(module.globals())
        .filter(|symbol| symbol.is_declaration() && symbol.is_used());
    symbols
        .map(|symbol| symbol.name())
        .filter(|name| !RUNTIME.contains(&name.as_str()))
        .collect()
}
