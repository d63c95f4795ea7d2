// Loaded before a command that an operator starts as root (node --import): from here on it is the service's user, so that whatever
// it writes is the service's to read. The configuration, which only root can read, has been read by then (node --env-file).
import process from 'node:process'

const { MCPX_USER: user } = process.env

if (user && process.getuid?.() === 0) {
  const { initgroups } = process as { initgroups?: (user: string, group: string) => void } // which the types have forgotten
  initgroups?.(user, user)
  process.setgid?.(user)
  process.setuid?.(user)
}
