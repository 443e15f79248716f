// Types of what Vite imports besides scripts.
/// <reference types="vite/client" />
