/**
 * Lives here: the ledger format, checked with nothing but WebCrypto, and beside it the door to the rules (`rules`), which
 * are the server's own compiled to WebAssembly. The format's half shares no code with the server, on purpose: where the
 * two disagree, one of them is wrong and `tests/verify/agreement` shows it.
 * Must never know: the network, the screen, stores.
 * Start reading at `leaf`, then `tree`, `note`, `checkpoint`, `statement`.
 */
export * from './statement'
export * from './checkpoint'
export * from './ed25519'
export * from './entry'
export * from './jcs'
export * from './leaf'
export * from './tree'
export * from './note'
export * from './rotation'
export * from './standing'
