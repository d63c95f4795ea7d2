// ${…} in a file of MCP servers: the environment's, and what editors know of their folders.
import path from 'node:path'

/** What texts in a file may refer to. */
export interface Variables {
  readonly get: (name: string) => string | undefined
  /** The folder that the file is in. */
  readonly folder: string
}

/** In the arguments, the environment and the headers of a server with `perUser`: who it is started for. */
export const USER = '${mcpx:user}'

const REFERENCE = /\$?\$\{([^{}]*)\}/g
const NAME = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s

/**
 * A text with what it refers to. `$${…}` stands for the text `${…}`.
 * @param problem is told of what cannot be referred to
 * @param used is told the name and the value of each variable
 */
export function expand (text: string, { get, folder }: Variables, problem: (line: string) => void, used: (name: string, value: string) => void = () => {}): string {
  return text.replace(REFERENCE, (whole, reference: string) => {
    if (whole.startsWith('$$')) return whole.slice(1)
    if (whole === USER) return whole
    const known = places(folder)[reference]
    if (known !== undefined) return known
    const [, name, otherwise] = NAME.exec(reference) ?? []
    if (name === undefined) {
      problem(`${whole} is not known: \${NAME} and \${NAME:-otherwise} are taken from the environment${reference.startsWith('input:') ? ', as nobody sits at a server who could be asked' : ''}`)
      return whole
    }
    const value = get(name) ?? otherwise
    if (value === undefined) problem(`${name} is not set; set it in the environment or in .env`)
    else used(name, value)
    return value ?? ''
  })
}

/** As VS Code and Cursor name them. */
const places = (folder: string): Record<string, string | undefined> => ({
  workspaceFolder: folder, workspaceRoot: folder, workspaceFolderBasename: path.basename(folder), userHome: process.env.HOME ?? process.env.USERPROFILE, pathSeparator: path.sep, '/': path.sep
})
