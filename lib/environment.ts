// Where settings come from: the environment, and a file of `NAME=value` lines as any editor writes it.
import { existsSync, readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigurationError } from './configuration-error.ts'
import { nearest } from './nearest.ts'

// Names that are meant for us, whatever follows; but not those of the commands, nor what Kubernetes sets for a service called so.
const OURS = /^(?:MCP_SERVER|MCPX)_(?!(?:ROOT|USER|COMMAND|CALLED)$|SERVICE_|PORT(?:$|_\d))/
const SETS = /^\s*(?:export\s+)?([\w.-]+)\s*=\s*(["'`]?)/

/** The environment wins over the file. An empty value is none. */
export class Environment {
  readonly #env: NodeJS.ProcessEnv
  /** Path of the file, which need not exist. */
  readonly file: string
  readonly #fromFile: NodeJS.Dict<string>
  readonly #ignored: string[]
  readonly #used = new Set<string>()

  /** @throws ConfigurationError when the file is there and cannot be read */
  constructor (env: NodeJS.ProcessEnv, file: string) {
    this.#env = env
    this.file = file
    const text = existsSync(file) ? textOf(file) : ''
    this.#fromFile = parseEnv(text)
    this.#ignored = ignoredLines(text).map(line => `${file}, ${line}`)
  }

  /** Spaces that stand within quotes in the file are part of the value. */
  get (name: string): string | undefined { return this.#env[name]?.trim() || this.#of(name) }

  /** The same for a name that somebody has chosen and no schema has. */
  use (name: string): string | undefined {
    this.#used.add(name)
    return this.get(name)
  }

  #of (name: string): string | undefined { return this.#fromFile[name]?.trim() ? this.#fromFile[name] : undefined }

  /** Whether the file sets one of these. */
  fileHas (wanted: (name: string) => boolean): boolean { return Object.keys(this.#fromFile).some(name => this.#of(name) !== undefined && wanted(name)) }

  /** What is set and read by nobody, a line each. @param known every name that is a setting */
  unread (known: ReadonlySet<string>): string[] {
    const inFile = Object.keys(this.#fromFile).filter(name => SETS.test(`${name}=`))
    const lines = [...new Set([...inFile, ...Object.keys(this.#env)])].flatMap(name => {
      if (known.has(name) || this.#used.has(name)) return []
      const upper = name.toUpperCase()
      const meant = known.has(upper) ? upper : nearest(upper, known)
      if (meant !== undefined) return [`${name} is no setting; was ${meant} meant?`]
      return inFile.includes(name) || OURS.test(name) ? [`${name} is no setting of the server or of a tool: nothing reads it`] : []
    })
    return [...this.#ignored, ...lines]
  }

  /** The same, with the file as it is now. */
  reread (): Environment { return new Environment(this.#env, this.file) }
}

/** A file's text, in what editors call UTF-8, UTF-8 with BOM, and Unicode; its lines end in any of the three ways. */
function textOf (file: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    throw new ConfigurationError([`${file}: it cannot be read (${(error as NodeJS.ErrnoException).code})`])
  }
  const [first, second] = bytes
  const encoding = first === 0xFE || first === 0 ? 'utf-16be' : first === 0xFF || second === 0 ? 'utf-16le' : 'utf-8' // names are ASCII: one byte of two is 0
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes).replaceAll(/\r\n?/g, '\n')
  } catch {
    throw new ConfigurationError([`${file}: it is not ${encoding.toUpperCase()}; save it as UTF-8`])
  }
}

/** The lines that set nothing and are no comment either. What they say is not repeated: it may be a secret. */
function ignoredLines (text: string): string[] {
  const said: string[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? ''
    const [set, , quote] = SETS.exec(line) ?? []
    if (set === undefined) {
      const [, name] = /^\s*([A-Za-z_]\w*)\s*:/.exec(line) ?? []
      if (line.trim() !== '' && !line.trim().startsWith('#')) said.push(`line ${i + 1} sets nothing: ${name === undefined ? 'it is not NAME=value' : `write ${name}=… and not ${name}: …`}`)
    } else if (quote && !line.slice(set.length).includes(quote)) {
      const end = lines.findIndex((later, at) => at > i && later.includes(quote))
      if (end !== -1) i = end // a value of several lines
    }
  }
  return said
}
