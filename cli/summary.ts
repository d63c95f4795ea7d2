// What a person at a terminal needs to know after the start: where, how guarded, with which tools, and how to connect.
import type { FastifyInstance } from 'fastify'
import { called } from '../lib/called.ts'
import { clientInstructions } from '../lib/client-instructions.ts'
import { KNOWN_PASSWORD } from '../plugins/accounts/known-password.ts'
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
  return `
  ${config.MCP_SERVER_NAME} serves MCP at ${endpoint}

  Sign-in   ${signIn(app)}
  Tools
${tools.join('\n')}
${settingsOf(toolSettings.all)}
  Connect
${connect.join('\n')}

  Settings: docs/configuration.md. Stop: Ctrl+C.

`
}

/** Who signs in, and with what: nobody else tells the person who has just started it. */
function signIn ({ config, oauth }: FastifyInstance): string {
  if (config.AUTH_MODE === 'noauth') return 'noauth: ANYONE who reaches the server may call every tool'
  if (oauth.knownUser === undefined) return 'oauth: clients send you to a page of this server, where its users sign in'
  return `oauth: clients send you to a page of this server; sign in there as ${oauth.knownUser} with ${KNOWN_PASSWORD}
            (works on this machine only; for a password of your own: ${called(`user passwd ${oauth.knownUser}`)})`
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
