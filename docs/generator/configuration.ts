// .env.example and docs/configuration.md, from the schemas that the server and its tools read their settings with.
import type { TSchema } from '@sinclair/typebox'
import { allowedValues, isSecret } from '../../lib/settings.ts'
import { baseName } from '../../plugins/catalog/sources/tool-folder.ts'
import { sections } from '../../plugins/config.ts'
import { withApp } from './app.ts'
import { code, generated, table } from './markdown.ts'

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

Settings come from environment variables, and from a file \`.env\` in the folder that the server is started in, if there is one: \`NAME=value\` lines, [.env.example](../.env.example) is one with all of them. A variable wins over the file, the file over the default. An empty value is the same as none. Lists are separated by commas.

The server reads them once, at its start. Whatever is wrong is reported at once, one line for each setting, and the process ends with exit code 78 before it listens. A setting marked *secret* is never shown: not in such a line, and not in the log. The last sections are those of built-in tools; a tool of your own may have settings too, [declared in its file](writing-a-tool.md#settings-and-secrets).

<!-- contents -->
<!-- /contents -->

${settings.map(({ title, schemas }) => `## ${title}\n\n${table(['setting', 'default', 'allowed', 'what it does'], schemas.map(row))}`).join('\n\n')}
`
}

function row ([name, schema]: [string, TSchema]): string[] {
  return [code(name), code(defaultOf(schema)), allowedValues(schema), `${isSecret(schema) ? '*Secret.* ' : ''}${schema.description}`]
}

export async function envExample (): Promise<string> {
  const settings = await allSections()
  return `# Settings of MCPX. Copy this file to .env, and take the # away from what you change.
# What stands here is the default. docs/configuration.md has the same as a page.
# Generated from plugins/config.ts and the tools by \`./mcpx docs\`.

${settings.map(({ title, schemas }) => `# --- ${title} ---\n\n${schemas.map(entry).join('\n\n')}`).join('\n\n')}
`
}

const entry = ([name, schema]: [string, TSchema]): string => [
  ...wrap(schema.description ?? ''),
  `# Allowed: ${allowedValues(schema)}.${isSecret(schema) ? ' Secret.' : ''}`,
  `#${name}=${defaultOf(schema)}`
].join('\n')

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
