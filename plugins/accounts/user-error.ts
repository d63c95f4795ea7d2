// What an operator asked for cannot be done.

/** The message says why, in one line. */
export class UserError extends Error {}
