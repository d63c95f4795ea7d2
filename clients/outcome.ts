// What came of one client: from what it says, and from what the server's log says of it.
import type { Tried } from '../docs/generator/clients.ts'
import { type Client, type Seen, TEXT } from './client.ts'
import type { Entry } from './server.ts'

/** Refusals that belong to finding out: how to sign in, and whether there is a stream outside of sessions. */
const USUAL = ({ method, path, status }: Entry): boolean => status === 401 || (status === 404 && String(path).includes('/.well-known/')) || (status === 405 && method === 'GET')

export function outcomeOf (client: Client, answer: { seen?: Seen, failed?: string }, log: Entry[], seconds: number): Tried {
  const requests = log.filter(({ msg }) => msg === 'request')
  const mcp = requests.filter(({ path, status }) => path === '/mcp' && status < 300)
  const era = [...new Set(mcp.map(({ era }) => era).filter(Boolean))].sort().join(' and ')
  const known = client.by === 'token' ? 'a token made elsewhere' : requests.some(({ path, status }) => path === '/oauth/register' && status === 201) ? 'registered itself' : 'its document'
  const signedIn = requests.some(({ path, status }) => path === '/oauth/token' && status === 200)
  const tried = {
    ...(era !== '' && { era }),
    ...(signedIn && { known } as Pick<Tried, 'known'>),
    ...noiseOf(answer.seen?.errors ?? [], requests),
    seconds: Math.round(seconds * 10) / 10
  }
  const { seen } = answer
  if (seen === undefined) return { outcome: 'fails', ...tried, detail: (answer.failed ?? 'it said nothing').slice(0, 500) }
  if (seen.echoed !== undefined && seen.echoed !== TEXT) return { outcome: 'fails', ...tried, detail: `echo answered ${seen.echoed.slice(0, 200)}` }
  if (seen.tools !== undefined && !seen.tools.includes('echo')) return { outcome: 'fails', ...tried, detail: `it listed ${seen.tools.join(', ') || 'nothing'}` }
  const called = mcp.some(({ rpc, name, outcome }) => rpc === 'tools/call' && name === 'echo' && outcome === 'ok')
  if (seen.echoed !== undefined) return called ? { outcome: 'works', ...tried } : { outcome: 'fails', ...tried, detail: 'it says that it called echo, of which the server knows nothing' }
  const far = mcp.some(({ rpc }) => rpc === 'tools/list') ? 'lists' : mcp.some(({ rpc }) => rpc !== undefined) ? 'connects' : signedIn ? 'signs in' : 'adds'
  return { outcome: far, ...tried, ...(seen.connected !== undefined && { detail: seen.connected }) }
}

function noiseOf (errors: string[], requests: Entry[]): { noise?: string[] } {
  const refused = requests.filter(entry => entry.status >= 400 && !USUAL(entry)).map(({ method, path, status }) => `${method} ${path}: ${status}`)
  const noise = [...counted(refused), ...counted(errors.map(error => error.slice(0, 120)))]
  return noise.length > 0 ? { noise } : {}
}

/** Each of them once, with how often it was there. */
function counted (all: string[]): string[] {
  return [...new Set(all)].map(one => {
    const times = all.filter(other => other === one).length
    return times > 1 ? `${one}, ${times} times` : one
  })
}
