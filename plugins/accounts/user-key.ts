/** Under which tokens and keys of a user are issued and ended (`exclusive`): what is issued while the user is disabled would outlive that. */
export const userKey = (id: number): string => `user ${id}`

/** Of the grants of programs, which act for nobody. */
export const NO_USER = 0
