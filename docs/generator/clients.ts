// docs/clients.md, from what the test bench of real clients has written down.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { code, generated, table } from './markdown.ts'

/** How far a client came: to the answer of a tool, to the list of tools, to a connection, to a token, into its settings, or nowhere. */
export type Outcome = 'works' | 'lists' | 'connects' | 'signs in' | 'adds' | 'fails'

export interface Tried {
  outcome: Outcome
  /** The generation of the protocol that was spoken. */
  era?: string
  /** How the server came to know the client. */
  known?: 'registered itself' | 'its document' | 'a token made elsewhere'
  /** What the server refused on the way, and what the client complained of although it worked. */
  noise?: string[]
  detail?: string
  seconds: number
}

export interface TriedClient {
  name: string
  package: string
  version: string
  by: 'browser' | 'token'
  driven: string
  needs?: string
  /** Why it comes no further, where that is known. */
  reason?: string
  ways: Partial<Record<'open' | 'signIn' | 'document', Tried>>
}

export interface ClientResults { at: string, node: string, server: string, clients: TriedClient[] }

const SAYS: Record<Outcome, string> = { works: 'works', lists: 'lists the tools', connects: 'connects', 'signs in': 'signs in', adds: 'adds it', fails: '**fails**' }

export function clientsPage (results: ClientResults = JSON.parse(readFileSync(path.join(import.meta.dirname, '../../clients/results.json'), 'utf8'))): string {
  const { at, node, server, clients } = results
  const installed = clients.filter(({ version }) => version !== '')
  const missing = clients.filter(({ version }) => version === '')
  const notes = installed.filter(client => client.needs !== undefined || client.reason !== undefined || failures(client).length > 0 || noises(client).length > 0)
  return `${generated('what the clients did, in `clients/results.json`')}
# Clients that were tried

Real clients, as they come from the npm registry, each against a server of its own that was started for it: MCPX ${server}, Node ${node}, ${at.slice(0, 10)}. None of them needed an account. To repeat it, and to write this page anew:

\`\`\`sh
./mcpx clients
\`\`\`

It installs them beside the server, not into it (1.6 GB), and takes about ten minutes. \`./mcpx clients --only codex\` tries those whose name or package contains the word.

${table(['client', 'version', 'without sign-in', 'with sign-in', 'with a way out', 'signs in', 'how it was driven'], installed.map(client => [
    client.name, client.version, cell(client.ways.open), cell(client.ways.signIn), cell(client.ways.document), client.by === 'browser' ? 'itself, at a browser' : 'with a token', client.driven
  ]))}

- **works**: it connected, listed the tools, called \`echo\` with letters of up to four bytes, and got them back.
- **lists the tools**, **connects**, **signs in**, **adds it**: so far it came by itself, which it says and the server's log shows. It goes on only where a model asks it to, and none is there.
- **without sign-in** is \`AUTH_MODE=noauth\`. **with sign-in** is \`AUTH_MODE=oauth\` on a server that cannot reach the internet: it announces no documents of clients (\`OAUTH_METADATA_DOCUMENTS=auto\`), and the client registers itself. **with a way out** is the same on one that can, for clients that may name a document of themselves; a stand-in for the internet serves that document.
- **signs in**: at a browser, a script follows the sign-in as a person would, and the client does all of its own part. With a token, the library takes only headers as it was driven, and the token was made without it.

${notes.length === 0 ? '' : `## What each needs, and what is left\n\n${notes.map(note).join('\n')}\n`}${missing.length === 0 ? '' : `\n## Not installed\n\n${missing.map(client => `- ${client.name} (${code(client.package)})`).join('\n')}\n`}`
}

function cell (tried: Tried | undefined): string {
  if (tried === undefined) return '–'
  const more = [tried.era && `revision of ${tried.era}`, tried.known].filter(Boolean).join(', ')
  return `${SAYS[tried.outcome]}${tried.outcome !== 'fails' && more !== '' ? ` (${more})` : ''}`
}

const failures = ({ ways }: TriedClient): string[] => [...new Set(Object.values(ways).filter(({ outcome }) => outcome === 'fails').map(({ detail = '' }) => detail))]
const noises = ({ ways }: TriedClient): string[] => [...new Set(Object.values(ways).flatMap(({ noise = [] }) => noise))]

function note (client: TriedClient): string {
  const parts = [
    client.needs && `needs ${client.needs}.`,
    client.reason,
    ...failures(client).map(detail => `It fails with: ${code(detail.replaceAll('`', "'").replaceAll(/\s+/g, ' '))}.`),
    noises(client).length > 0 && `On the way: ${noises(client).map(code).join(', ')}.`
  ]
  return `- **${client.name} ${client.version}** ${parts.filter(Boolean).join(' ')}`
}
