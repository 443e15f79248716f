//! Health and previews for the browser: the program's own code, compiled to WebAssembly.
