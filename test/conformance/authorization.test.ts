// The official suite's checks of an authorization server, with a person who signs in at the URL that it prints.
import { spawn } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { Authorization } from '../oauth/authorization.ts'
import { Person } from '../oauth/person.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'

const SUITE = path.join(import.meta.dirname, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js')

t.test('the authorization server passes every check, without a warning', async t => {
  const { origin, endpoint } = await startServer(t, { AUTH_MODE: 'oauth' })
  const port = await freePort()
  const { client } = await new Authorization(origin, `http://127.0.0.1:${port}/callback`).register()
  const results = temporaryFolder(t)
  const suite = spawn(process.execPath, [SUITE, 'authorization', '--url', origin, '--client-id', client.client_id, '--resource', endpoint, '--port', String(port), '--output-dir', results], { stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => suite.kill())
  const lines: string[] = []
  suite.stderr.on('data', chunk => lines.push(String(chunk)))
  for await (const line of createInterface({ input: suite.stdout })) {
    lines.push(line)
    if (line.startsWith(`${origin}/oauth/authorize?`)) await fetch(await new Person(origin).authorize(line.trim()))
  }

  const files = (await readdir(results, { recursive: true })).filter(file => file.endsWith('checks.json'))
  const checks = (await Promise.all(files.map(async file => JSON.parse(await readFile(path.join(results, file), 'utf8')) as { id: string, status: string, errorMessage?: string }[]))).flat()
  const notPassed = checks.filter(check => !['SUCCESS', 'INFO'].includes(check.status))
  t.same(notPassed.map(check => `${check.id}: ${check.status} ${check.errorMessage ?? ''}`), [], lines.join('\n').slice(-3000))
  t.ok(checks.some(check => check.id.includes('authorization-code')), 'the grant was really tried')
  t.comment(`${checks.length} checks: ${checks.map(check => check.id).join(', ')}`)
})
