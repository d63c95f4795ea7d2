// How whoever typed a command called it, for what the command says: `sudo mcpx` on a server, `./mcpx` in a checkout.

const name = process.env.MCPX_CALLED ?? './mcpx'

/** A command as it is to be typed. */
export const called = (command: string): string => `${name} ${command}`
