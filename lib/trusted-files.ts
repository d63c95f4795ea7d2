// What must not be open to others on this machine: files that hold secrets, and code that is loaded. As sshd's StrictModes, a
// wrong mode stops the start with the command that fixes it: to warn is not enough where nobody reads.
import { lstatSync, readdirSync, readFileSync, realpathSync, type Stats, statfsSync, statSync } from 'node:fs'
import path from 'node:path'
import { ConfigurationError } from './configuration-error.ts'

const OTHERS_READ = 0o004
const OTHERS_WRITE = 0o002
const GROUP_WRITE = 0o020
const STICKY = 0o1000

// File systems of other systems: what they show as a mode is a mount option, and chmod changes nothing. 9p is Windows' below /mnt in WSL.
const WITHOUT_MODES = new Set([0x0102_1997, 0x4d44, 0x2011_bab0, 0x5346_544e, 0xff53_4d42, 0xfe53_4d42]) // 9p, vfat, exfat, ntfs, cifs, smb2
const MOST_FILES = 10_000

/**
 * Checks a file that holds a secret: others may not read it, and nobody but its owner, and a group that this process is in, may
 * change it. So is a Secret of Kubernetes with its fsGroup, and a file of a read-only mount is what it is: it has no other mode.
 * @param what the setting or the file that is meant, which begins the message
 * @throws ConfigurationError
 */
export function requireClosed (file: string, what: string): void {
  const state = look(file)
  if (state === undefined) return
  const problem = openness(state, OTHERS_READ)
  if (problem === undefined || isMountedAsIs(file)) return
  const fix = isOwn(state) || process.getuid?.() === 0 ? `chmod 600 ${quoted(file)}` : `chown ${process.getuid?.()} ${quoted(file)} && chmod 600 ${quoted(file)}, as its owner or root`
  throw new ConfigurationError([`${what}: ${file} holds a secret and ${problem} (mode ${mode(state)}); close it with: ${fix}`])
}

/**
 * Checks a folder whose files are loaded, with everything in it and the folders above: nobody but root, this process's user and
 * whoever the program itself belongs to may be able to change what runs here.
 * @param owned whether its files must belong to one of the two, and to no group of others; not those of the program itself, which
 * may be installed by anybody
 * @throws ConfigurationError
 */
export function requireTrusted (folder: string, what: string, owned: boolean): void {
  const all = [path.resolve(folder)]
  for (let index = 0; index < all.length && all.length <= MOST_FILES; index++) {
    const file = all[index] as string
    requireTrustedFile(file, what, owned)
    // What comes with packages is as many files as the rest ten times over; the folder that they are in was looked at.
    if (path.basename(file) !== 'node_modules' && lstatSync(file, { throwIfNoEntry: false })?.isDirectory()) all.push(...entriesOf(file))
  }
  for (let above = path.dirname(all[0] as string), below = ''; above !== below; below = above, above = path.dirname(above)) {
    const state = look(above)
    // As /tmp is: there nobody can replace what is another's.
    if (state === undefined || (state.mode & OTHERS_WRITE) === 0 || (state.mode & STICKY) !== 0 || isMountedAsIs(above)) continue
    throw new ConfigurationError([`${what}: others can replace ${folder}, as they can write to ${above} (mode ${mode(state)}); close it with: chmod o-w ${quoted(above)}`])
  }
}

/** The same for one file, before it is loaded. @throws ConfigurationError */
export function requireTrustedFile (file: string, what: string, owned: boolean): void {
  const state = look(file)
  if (state === undefined) return
  const foreign = owned && state.uid !== 0 && state.uid !== program.uid && !isOwn(state)
  const problem = owned ? openness(state, 0) : (state.mode & OTHERS_WRITE) === 0 ? undefined : 'can be changed by others'
  if ((problem === undefined && !foreign) || isMountedAsIs(file)) return
  if (problem !== undefined) throw new ConfigurationError([`${what}: ${file} is loaded by the server and ${problem} (mode ${mode(state)}); close it with: chmod go-w ${quoted(file)}`])
  throw new ConfigurationError([`${what}: ${file} is loaded by the server and belongs to user ${state.uid}, who is neither root nor the user that the server runs as (${process.getuid?.()}); if you trust it: chown ${process.getuid?.()} ${quoted(file)}`])
}

/** What the mode lets others do, in words. */
function openness (state: Stats, read: number): string | undefined {
  if ((state.mode & OTHERS_WRITE) !== 0) return 'can be changed by others'
  // Its own group: with one for each user that is nobody else, and in a container it is what a volume is shared by.
  if ((state.mode & GROUP_WRITE) !== 0 && !isOwnGroup(state)) return `can be changed by the group ${state.gid}`
  return (state.mode & read) !== 0 ? 'can be read by others' : undefined
}

/** undefined for what is not there, and on Windows, whose modes say nothing. A link counts as what it leads to. */
function look (file: string): Stats | undefined {
  if (process.platform === 'win32') return undefined
  try {
    return statSync(file)
  } catch {
    return undefined // whoever reads it says why it cannot
  }
}

/** Whether nobody in here could change it, or its mode: a read-only mount, or a file system that has no modes. */
function isMountedAsIs (file: string): boolean {
  try {
    return WITHOUT_MODES.has(statfsSync(file).type) || isReadOnly(realpathSync(file))
  } catch {
    return false
  }
}

/**
 * By the list of mounts: access(2) says EACCES, and not EROFS, of a file that its mode closes as well, and Secrets come as a
 * read-only view of a file system that can be written.
 */
function isReadOnly (file: string): boolean {
  if (process.platform !== 'linux') return false
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map(line => line.split(' ')).filter(fields => fields.length > 5)
    .map(fields => ({ at: (fields[4] as string).replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8))), options: (fields[5] as string).split(',') }))
    .filter(({ at }) => file === at || file.startsWith(at === '/' ? at : `${at}/`))
  const innermost = mounts.reduce<typeof mounts[number] | undefined>((inner, mount) => mount.at.length >= (inner?.at.length ?? 0) ? mount : inner, undefined)
  return innermost?.options.includes('ro') ?? false
}

function entriesOf (folder: string): string[] {
  try {
    return readdirSync(folder).filter(name => name !== '.git').map(name => path.join(folder, name))
  } catch {
    return []
  }
}

const isOwn = ({ uid }: Stats): boolean => uid === process.getuid?.()
// Whoever can change this very file needs no other.
const program = statSync(import.meta.filename)
const isOwnGroup = ({ gid }: Stats): boolean => gid === 0 || (gid === program.gid && (program.mode & GROUP_WRITE) !== 0) || gid === process.getegid?.() || process.getgroups?.().includes(gid) === true
const mode = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, '0')
/** As a shell takes it. */
const quoted = (file: string): string => /^[\w./@%+=:,-]+$/.test(file) ? file : `'${file.replaceAll("'", "'\\''")}'`
