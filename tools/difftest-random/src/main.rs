//! Runs the random modules in the virtual machine and natively, and compares the hashes of all they compute.

#[path = "../generate/random.rs"]
mod random;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{bail, ensure, Context as _, Result};
use difftest::machine::Machine;
use difftest_random::{run, Inputs, ENTRIES, INPUTS, SEED};
use random::Random;

/// Inputs that each module runs on.
const RECORDS: usize = 600;

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<()> {
    let started = Instant::now();
    let path = std::env::args()
        .nth(1)
        .context("usage: difftest-random PROGRAM.so")?;
    let bytes = std::fs::read(&path).with_context(|| format!("cannot read {path}"))?;
    let machine = Machine::load(&bytes)?;
    // A module that panics is no event here.
    std::panic::set_hook(Box::new(|_| {}));
    let (mut compared, mut panics, mut units) = (0, 0, 0);
    let mut faults = Vec::new();
    for module in 0..ENTRIES.len() {
        let mut random = Random(SEED << 32 | module as u64);
        let inputs: Vec<Inputs> = (0..RECORDS).map(|_| record(&mut random)).collect();
        let native = |inputs: &Inputs| catch_unwind(|| run(module, inputs)).ok().flatten();
        let (mut sound, mut expected) = (Vec::new(), Vec::new());
        for inputs in &inputs {
            if let Some(hash) = native(inputs) {
                sound.push(*inputs);
                expected.push(hash);
                continue;
            }
            panics += 1;
            if let Err(fault) = aborts(&machine, module, inputs) {
                faults.push(format!("module {module} of {inputs:x?}: {fault:#}"));
            }
        }
        compared += sound.len();
        match hashes(&machine, module, &sound) {
            Ok((found, cost)) if found == expected => units += cost,
            // One by one, to tell which.
            _ => {
                for (inputs, hash) in sound.iter().zip(&expected) {
                    let found = hashes(&machine, module, std::slice::from_ref(inputs));
                    let text = match found {
                        Ok((found, _)) if found == [*hash] => continue,
                        Ok((found, _)) => format!("{:x} on chain, {hash:x} natively", found[0]),
                        Err(error) => format!("fails on chain only: {error:#}"),
                    };
                    faults.push(format!("module {module} of {inputs:x?}: {text}"));
                }
            }
        }
    }
    if !faults.is_empty() {
        bail!(
            "{} results of random program {SEED} differ:\n  {}",
            faults.len(),
            faults[..faults.len().min(20)].join("\n  ")
        );
    }
    println!(
        "random program {SEED}: {} modules, {compared} results agree, {panics} panics abort, {} million instructions ({:.1} s)",
        ENTRIES.len(),
        units / 1_000_000,
        started.elapsed().as_secs_f32()
    );
    Ok(())
}

fn record(random: &mut Random) -> Inputs {
    std::array::from_fn(|_| random.edge() as u64)
}

/// The hashes that the module gives on chain, and what they cost.
fn hashes(machine: &Machine, module: usize, inputs: &[Inputs]) -> Result<(Vec<u64>, u64)> {
    let mut data = vec![module as u64, inputs.len() as u64];
    for inputs in inputs {
        data.extend_from_slice(inputs);
        data.push(0);
    }
    let (output, units) = machine.run(&data)?;
    let records = output[2..].chunks_exact(INPUTS + 1);
    Ok((records.map(|record| record[INPUTS]).collect(), units))
}

/// An input that panics natively must end the transaction, in no other way.
fn aborts(machine: &Machine, module: usize, inputs: &Inputs) -> Result<()> {
    match hashes(machine, module, std::slice::from_ref(inputs)) {
        Ok((found, _)) => bail!("{:x} on chain, a panic natively", found[0]),
        Err(error) => {
            let text = format!("{error:#}");
            ensure!(
                text.contains("the program aborted"),
                "a panic natively, on chain: {text}"
            );
            Ok(())
        }
    }
}
