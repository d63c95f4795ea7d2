// What a person at a terminal needs to know after the start: where, how guarded, with which tools, and how to connect.
import type { FastifyInstance } from 'fastify'
import { clientInstructions } from '../lib/client-instructions.ts'
import { baseName } from '../plugins/catalog/sources/tool-folder.ts'
import type { DeclaredSettings } from '../plugins/catalog/sources/tool-settings.ts'

export function summary (app: FastifyInstance): string {
  const { config, mcp, toolSettings } = app
  const endpoint = config.PUBLIC_URL + config.MCP_PATH
  const tools = [...mcp.tools.values()].map(({ definition: { name }, config: { configured } }) => {
    const state = configured?.() ?? true
    return `    ${name}${state === true ? '' : `  (not configured: ${state})`}`
  })
  const connect = clientInstructions(endpoint).map(({ client, where, line }) => `    ${client.padEnd(14)}${where ? `${where}: ` : ''}${line}`)
  const auth = config.AUTH_MODE === 'oauth' ? 'oauth: clients sign in' : 'noauth: ANYONE who reaches the server may call every tool'
  return `
  ${config.MCP_SERVER_NAME} serves MCP at ${endpoint}

  Sign-in   ${auth}
  Tools
${tools.join('\n')}
${settingsOf(toolSettings.all)}
  Connect
${connect.join('\n')}

  Settings: docs/configuration.md. Stop: Ctrl+C.

`
}

/** Which settings the tools have, by their files, and which of them are set; no values, as some are secret. */
function settingsOf (all: readonly DeclaredSettings[]): string {
  const width = Math.max(...all.map(({ owner }) => baseName(owner).length)) + 2
  const lines = all.map(({ owner, schemas, values }) => {
    const names = Object.entries(schemas).map(([name, { default: usual }]) => values[name] === undefined ? `${name} (not set)` : values[name] === usual ? name : `${name} (set)`)
    return `    ${baseName(owner).padEnd(width)}${names.join(', ')}\n`
  })
  return lines.length === 0 ? '' : `\n  Settings of tools\n${lines.join('')}`
}
