/**
 * Lives here: the ledger format, checked with nothing but WebCrypto. It shares no code with the server, on purpose:
 * where the two disagree, one of them is wrong and somebody sees it.
 * Must never know: the network, the screen, stores.
 * Start reading at `leaf`, then `merkle`, `checkpoint`, `bid`.
 */
export * from './bid'
export * from './checkpoint'
export * from './ed25519'
export * from './jcs'
export * from './leaf'
export * from './merkle'
export * from './note'
