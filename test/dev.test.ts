// The development server starts again when what it was started from changes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { freePort, temporaryFolder } from './server.ts'

const root = path.join(import.meta.dirname, '..')

t.test('a change of .env is in force a moment later', async t => {
  const folder = temporaryFolder(t)
  for (const name of readdirSync(root)) if (!/^(\.|data$)/.test(name)) symlinkSync(path.join(root, name), path.join(folder, name))
  const port = await freePort()
  const configure = (name: string): void => writeFileSync(path.join(folder, '.env'), `AUTH_MODE=noauth\nMCP_SERVER_PORT=${port}\nMCP_SERVER_NAME=${name}\n`)
  configure('before')

  const { scripts: { dev } } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const server = spawn('sh', ['-c', dev], { cwd: folder, detached: true, stdio: 'ignore', env: { PATH: `${path.dirname(process.execPath)}:${process.env.PATH}` } })
  t.teardown(async () => {
    process.kill(-(server.pid ?? 0), 'SIGKILL') // the watcher's child too
    await once(server, 'close')
  })
  const served = async (name: string): Promise<boolean> => {
    for (let waited = 0; waited < 30_000; waited += 100) {
      const page = await fetch(`http://127.0.0.1:${port}/`).then(answer => answer.text(), () => '')
      if (page.includes(`<title>${name}</title>`)) return true
      await sleep(100)
    }
    return false
  }
  t.ok(await served('before'))
  configure('after')
  t.ok(await served('after'))
})
