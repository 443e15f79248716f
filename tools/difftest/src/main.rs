//! Runs every operation that the on-chain build rewrites in the virtual machine, on edge values and random ones, and
//! compares each result with the native one, bit for bit.

mod records;

use std::process::ExitCode;
use std::time::Instant;

use anyhow::{bail, ensure, Context as _, Result};
use difftest_program::{
    descend, Inputs, Operation, Outputs, DESCENT, GROUPS, INPUTS, OUTPUTS, OVERFLOW,
};

use difftest::machine::Machine;

const HELP: &str = "\
Compares the operations of the built difftest program with native results.

usage: difftest [options] PROGRAM.so

  --random N   random inputs for each operation (default 10000)
  --seed N     where the random inputs start (default: the time)
  --costs      tell what each operation costs on average, in instructions and syscall costs";

/// How many frames [`descend`] can fill: the machine allows 63 calls below the entry point, and the last of these makes
/// one more, of a function without a frame to speak of.
const FRAMES: u64 = 62;
/// Records in one run of the program.
const BATCH: usize = 2000;

struct Options {
    program: String,
    random: usize,
    seed: u64,
    costs: bool,
}

fn main() -> ExitCode {
    match parse().and_then(|options| options.map_or(Ok(()), |options| run(&options))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parse() -> Result<Option<Options>> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let mut options = Options {
        program: String::new(),
        random: 10_000,
        seed: time.as_secs(),
        costs: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = || -> Result<u64> {
            let text = arguments
                .next()
                .with_context(|| format!("{argument} needs a number"))?;
            text.parse()
                .with_context(|| format!("{argument} needs a number"))
        };
        match argument.as_str() {
            "--random" => options.random = number()? as usize,
            "--seed" => options.seed = number()?,
            "--costs" => options.costs = true,
            "-h" | "--help" => {
                println!("{HELP}");
                return Ok(None);
            }
            option if option.starts_with('-') => bail!("unknown option {option}\n\n{HELP}"),
            path => options.program = path.to_owned(),
        }
    }
    ensure!(!options.program.is_empty(), "{HELP}");
    Ok(Some(options))
}

fn run(options: &Options) -> Result<()> {
    let started = Instant::now();
    let bytes = std::fs::read(&options.program)
        .with_context(|| format!("cannot read {}", options.program))?;
    let machine = Machine::load(&bytes)?;
    println!("seed {}", options.seed);
    let (mut number, mut total) = (0, 0);
    for (group, operations) in GROUPS {
        let records = records::of(group, options.random, options.seed);
        for (name, operation) in operations {
            let cost = compare(&machine, number, *operation, &records)
                .with_context(|| format!("{group}: {name} (--seed {})", options.seed))?;
            if options.costs {
                println!("  {group} {name}: {cost:.1}");
            }
            number += 1;
        }
        let count = operations.len() * records.len();
        total += count;
        println!(
            "{group}: {} operations, {count} comparisons",
            operations.len()
        );
    }
    overflow(&machine)?;
    println!("overflow ends the transaction");
    let depth = descent(&machine)?;
    println!("{depth} full stack frames are kept apart, and one more ends the transaction");
    println!(
        "{total} comparisons of {number} operations agree ({:.1} s)",
        started.elapsed().as_secs_f32()
    );
    Ok(())
}

/// Compares one operation over all records, and tells its mean cost.
fn compare(
    machine: &Machine,
    number: u64,
    operation: Operation,
    records: &[Inputs],
) -> Result<f64> {
    let mut cost = 0;
    for batch in records.chunks(BATCH) {
        let (output, units) = machine
            .run(&encode(number, batch))
            .context("the program fails")?;
        cost += units;
        for (index, inputs) in batch.iter().enumerate() {
            let at = index * (INPUTS + OUTPUTS) + INPUTS;
            let found: Outputs = std::array::from_fn(|word| output[2 + at + word]);
            let mut expected = [0; OUTPUTS];
            operation(inputs, &mut expected);
            ensure!(
                found == expected,
                "of {inputs:x?}\n  on chain: {found:x?}\n  natively: {expected:x?}"
            );
        }
    }
    Ok(cost as f64 / records.len() as f64)
}

/// An addition that overflows must abort, not wrap.
fn overflow(machine: &Machine) -> Result<()> {
    ensure!(
        machine.run(&[OVERFLOW, 0]).is_ok(),
        "the sum of nothing is refused"
    );
    ensure!(
        machine.run(&[OVERFLOW, 1]).is_err(),
        "an overflow passes unnoticed"
    );
    Ok(())
}

/// Calls of functions that fill their stack frames must find them untouched when they return, down to the last call
/// that the machine allows; nothing lies between the frames. The call after it must end the transaction.
fn descent(machine: &Machine) -> Result<u64> {
    let inputs: Inputs = [3, u64::MAX, 5, 1 << 63, 7, 11];
    let mut data = encode(DESCENT, &[inputs]);
    for depth in 0.. {
        data[1] = depth;
        match machine.run(&data) {
            Ok((output, _)) => {
                let mut expected = [0; OUTPUTS];
                descend(depth, &inputs, &mut expected);
                ensure!(
                    output[2 + INPUTS..] == expected,
                    "a stack frame has changed at depth {depth}"
                );
                ensure!(
                    output[2..2 + INPUTS] == inputs,
                    "the input has changed at depth {depth}"
                );
            }
            Err(error) => {
                let text = format!("{error:#}");
                ensure!(
                    text.contains("max BPF to BPF call depth"),
                    "depth {depth} fails otherwise: {text}"
                );
                ensure!(depth == FRAMES, "{depth} frames are possible, not {FRAMES}");
                return Ok(depth);
            }
        }
    }
    unreachable!("some depth is too much")
}

/// The instruction data for a batch.
fn encode(number: u64, batch: &[Inputs]) -> Vec<u64> {
    let mut words = vec![number, batch.len() as u64];
    for inputs in batch {
        words.extend_from_slice(inputs);
        words.extend_from_slice(&[0; OUTPUTS]);
    }
    words
}
