// Instructions as people use them: every account worked out, remaining accounts included.
export * from './liquidation';
export * from './orders';
export * from './refresh';
export * from './tokens';
export * from './traders';
export * from './windingDown';
