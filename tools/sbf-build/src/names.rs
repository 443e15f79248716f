//! Symbols that the build treats specially: entry point, syscalls, runtime and soft-float routines.

/// The symbol that the loader starts a program at.
pub const ENTRYPOINT: &str = "entrypoint";

/// The syscall that ends the transaction.
pub const ABORT: &str = "abort";

/// Assembly that the build itself writes: a division of registers, the result in the dividend's.
pub const QUOTIENT: &str = "$0 /= $2";
/// The same for the remainder.
pub const REMAINDER: &str = "$0 %= $2";

/// Every routine of `tools/sbf-runtime` that the rewrites call by name.
pub const RUNTIME: [&str; 11] = [
    "sbf_umulo128",
    "sbf_smulo128",
    "sbf_udiv128",
    "sbf_urem128",
    "sbf_sdiv128",
    "sbf_srem128",
    "memcmp",
    "bcmp",
    "memcpy",
    "memmove",
    "memset",
];

/// The function that the build itself writes for the upper half of a 64 by 64 product.
pub const HIGH_PRODUCT: &str = "sbf_mulhi";

/// The soft-float routines of `compiler_builtins` that the rewrites call by name, without the `df`/`sf` variants'
/// distinction: see [`soft_float`].
const SOFT_FLOAT: [&str; 24] = [
    "__add?f3",
    "__sub?f3",
    "__mul?f3",
    "__div?f3",
    "__unord?f2",
    "__eq?f2",
    "__ne?f2",
    "__lt?f2",
    "__le?f2",
    "__gt?f2",
    "__ge?f2",
    "__floatsi?f",
    "__floatunsi?f",
    "__floatdi?f",
    "__floatundi?f",
    "__floatti?f",
    "__floatunti?f",
    "__fix?fsi",
    "__fixuns?fsi",
    "__fix?fdi",
    "__fixuns?fdi",
    "__fix?fti",
    "__fixuns?fti",
    "__neg?f2",
];

/// The names of every soft-float routine that may be needed.
pub fn soft_float() -> impl Iterator<Item = String> {
    let both = SOFT_FLOAT
        .iter()
        .flat_map(|name| [name.replace('?', "d"), name.replace('?', "s")]);
    both.chain(["__extendsfdf2".to_owned(), "__truncdfsf2".to_owned()])
}

/// Whether the virtual machine provides `name` as a syscall.
pub fn is_syscall(name: &str) -> bool {
    name == ABORT || name.starts_with("sol_")
}

/// A symbol as a person would write it.
pub fn demangle(name: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(name))
}
