// Writes the files of the services around the server, such as nginx's, from the server's own configuration.
// Whatever is ops/FOLDER/NAME.template becomes FOLDER/NAME: {{PLACEHOLDER}} stands for a value of ops/values.ts.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { readConfig } from '../plugins/config.ts'
import { nginxVersion } from './nginx/version.ts'
import { valuesOf } from './values.ts'

const EXIT_CONFIGURATION = 78 // as the server itself ends with a wrong configuration
const NO_SPACE = 'no space is left on the disk; free some'
const SUFFIX = '.template'
const HELP = `Writes nginx's site file from the configuration.

  node ops/render.ts --out FOLDER [--env FILE] [--instances PORT,PORT] [--root FOLDER]

  --out        where to write: nginx/mcpx.conf, which belongs at /etc/nginx/conf.d/mcpx.conf
  --env        the configuration, NAME=value lines; without it the environment is read
  --instances  ports of the server's instances on 127.0.0.1; 8001,8002
  --root       folder that stands for /, for a trial
  --address    address to listen on; all of them
  --http-port  port that is redirected to https; 80
  --ports-only the instances are reached at their ports, not at sockets below /run/mcpx: as in containers

PUBLIC_URL says the name and the port of https.
`

if (import.meta.main) {
  try {
    main(process.argv.slice(2))
  } catch (error) {
    const problems = problemsOf(error)
    if (problems === undefined) throw error
    for (const problem of problems) console.error(`render: ${problem}`)
    process.exitCode = problems[0] === NO_SPACE ? 1 : EXIT_CONFIGURATION
  }
}

function main (args: string[]): void {
  const { values: options } = parseArgs({ args, options: {
    out: { type: 'string' }, env: { type: 'string' }, instances: { type: 'string', default: '8001,8002' }, root: { type: 'string', default: '/' },
    address: { type: 'string' }, 'http-port': { type: 'string', default: '80' }, 'ports-only': { type: 'boolean' }, help: { type: 'boolean', short: 'h' }
  } })
  if (options.help) return void process.stdout.write(HELP)
  if (options.out === undefined) throw new ConfigurationError(['--out: say which folder to write to'])
  if (options.env !== undefined && !existsSync(options.env)) throw new ConfigurationError([`--env: there is no file ${options.env}`])

  const config = options.env === undefined ? readConfig() : readConfig({}, options.env)
  const values = valuesOf(config, {
    instances: options.instances.split(','), root: options.root, address: options.address, httpPort: options['http-port'], nginx: nginxVersion(), portsOnly: options['ports-only']
  })
  const files = render(values)
  for (const [name, text] of files) {
    write(path.join(options.out, name), text)
    console.log(path.join(options.out, name))
  }
}

/**
 * Every file, by its name below the output folder.
 * @param folder where the templates are
 * @throws Error when a template names a value that there is not, or a value is in none of them
 */
export function render (values: Record<string, string>, folder = import.meta.dirname): Map<string, string> {
  const used = new Set<string>()
  const files = new Map<string, string>()
  for (const template of readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith(SUFFIX))) {
    const text = readFileSync(path.join(folder, template), 'utf8').replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
      const value = values[name]
      if (value === undefined) throw new Error(`ops/${template}: nothing is known as {{${name}}}`)
      used.add(name)
      return value
    })
    files.set(template.slice(0, -SUFFIX.length), text)
  }
  const unused = Object.keys(values).filter(name => !used.has(name))
  if (unused.length > 0) throw new Error(`no template in ops/ has {{${unused.join('}}, {{')}}}`)
  return files
}

/** Whole or not at all: a service may read it at any moment. */
function write (file: string, text: string): void {
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(`${file}.new`, text, { mode: 0o644 })
  renameSync(`${file}.new`, file)
}

function problemsOf (error: unknown): string[] | undefined {
  if (error instanceof ConfigurationError) return error.problems
  const { code, message, path: file } = error as NodeJS.ErrnoException
  if (code?.startsWith('ERR_PARSE_ARGS')) return [message.split(/\. |\n/, 1)[0] ?? message]
  if (code === 'EACCES' || code === 'EROFS' || code === 'ENOTDIR') return [`--out: ${file} cannot be written (${code})`]
  if (code === 'ENOSPC' || code === 'EDQUOT') return [NO_SPACE]
  return undefined
}
