// .env.example and docs/configuration.md, from the schemas that the server and its tools read their settings with.
import type { TSchema } from '@sinclair/typebox'
import { allowedValues, isSecret } from '../../lib/settings.ts'
import { baseName } from '../../plugins/catalog/sources/tool-folder.ts'
import { sections } from '../../plugins/config.ts'
import { withApp } from './app.ts'
import { code, generated, table } from './markdown.ts'

/** What most servers set, as they would. */
const FIRST = [
  ['`PUBLIC_URL`', '`https://mcp.example.com`', 'the https address that clients use, once there is one'],
  ['`TRUST_PROXY`', '`172.30.42.2`', 'a proxy on another machine or in another container; one on the same machine needs no setting'],
  ['`TOOLS_DIR`', '`../my-tools`', 'the folder of your own tools'],
  ['`TOOLS_DISABLED`', '`web_search,get_source_ip`', 'built-in tools that you do not want'],
  ['`OPENAI_API_KEY`', '`sk-…`', 'the tool `web_search`'],
  ['`METRICS_TOKEN`', 'made by `openssl rand -hex 24`', 'metrics for Prometheus']
]

interface Section { readonly title: string, readonly schemas: [name: string, schema: TSchema][] }

/** The settings of the server, then those of each tool file. */
async function allSections (): Promise<Section[]> {
  const declared = await withApp({ AUTH_MODE: 'noauth' }, ({ toolSettings }) => toolSettings.all)
  const own = Object.entries<Record<string, TSchema>>(sections).map(([title, schemas]) => ({ title, schemas: Object.entries(schemas) }))
  return [...own, ...declared.map(({ owner, schemas }) => ({ title: baseName(owner), schemas: Object.entries(schemas) }))]
}

export async function configurationPage (): Promise<string> {
  const settings = await allSections()
  return `${generated('plugins/config.ts and the tools')}
# Configuration

Settings come from environment variables and from the file \`.env\` in the folder in which the server is started, as \`NAME=value\` lines. [.env.example](../.env.example) lists every setting. A variable wins over the file, the file over the default. An empty value counts as unset. Items of a list are separated by commas. On a server that ops/setup.sh has set up, the file is \`/etc/mcpx/mcpx.env\`.

The server reads them once, when it starts. All wrong values are reported together, one line each, and settings that do not go together after that; the process then exits with code 78 before it listens. A setting marked *secret* is never shown, neither in such a line nor in the log. The last sections belong to built-in tools. Your own tools can have settings too, [declared in their files](writing-a-tool.md#settings-and-secrets).

<!-- contents -->
<!-- /contents -->

## Set these first

Nothing has to be set. These are what most servers set:

${table(['setting', 'example', 'for'], FIRST)}

${settings.map(({ title, schemas }) => `## ${title}\n\n${table(['setting', 'default', 'allowed', 'what it does'], schemas.map(row))}`).join('\n\n')}
`
}

function row ([name, schema]: [string, TSchema]): string[] {
  return [code(name), code(defaultOf(schema)), allowedValues(schema), `${isSecret(schema) ? '*Secret.* ' : ''}${schema.description}`]
}

export async function envExample (): Promise<string> {
  const settings = await allSections()
  return `# Settings of MCPX. Copy this file to .env, and remove the # from the lines that you change.
# Each line shows the default. docs/configuration.md has the same as a page.
# Generated from plugins/config.ts and the tools by \`./mcpx docs\`.

${settings.map(({ title, schemas }) => `# --- ${title} ---\n\n${schemas.map(entry).join('\n\n')}`).join('\n\n')}
`
}

const entry = ([name, schema]: [string, TSchema]): string => [
  ...wrap(schema.description ?? ''),
  ...notes(schema),
  `#${name}=${defaultOf(schema)}`
].join('\n')

/** What is allowed, where that says more than that it is text. */
function notes (schema: TSchema): string[] {
  const allowed = allowedValues(schema)
  const said = [...(allowed === 'text' ? [] : [`Allowed: ${allowed}.`]), ...(isSecret(schema) ? ['Secret.'] : [])]
  return said.length === 0 ? [] : [`# ${said.join(' ')}`]
}

const defaultOf = ({ default: value }: TSchema): string => Array.isArray(value) ? value.join(',') : String(value ?? '')

function wrap (text: string, width = 100): string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const line = lines.at(-1)
    if (line === undefined || line.length + word.length >= width) lines.push(`# ${word}`)
    else lines[lines.length - 1] = `${line} ${word}`
  }
  return lines
}
