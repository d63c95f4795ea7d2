// A command that root starts becomes the owner of the data folder before it touches anything there: what the owner has put into the
// folder, such as a link in the place of the database, then leads no further than the owner could go without the command.
import { lstatSync, statSync } from 'node:fs'

/** For good: neither this process nor what it starts is root afterwards. Nothing happens unless root started it, and the folder is another's. */
export function becomeOwnerOf (folder: string): void {
  if (process.getuid?.() !== 0) return
  // Of the link itself where it is one: its owner chose where it leads.
  const state = lstatSync(folder, { throwIfNoEntry: false })
  const { uid, gid } = state?.isSymbolicLink() && state.uid === 0 ? statSync(folder) : state ?? { uid: 0, gid: 0 }
  if (uid === 0) return
  process.setgroups?.([gid])
  process.setgid?.(gid)
  process.setuid?.(uid)
}
