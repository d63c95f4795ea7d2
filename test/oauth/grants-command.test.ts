import { execFile } from 'node:child_process'
import path from 'node:path'
import t from 'tap'
import { startServer } from '../server.ts'
import { until } from '../support/until.ts'
import { Authorization, callTool } from './authorization.ts'

t.test('an operator sees what users have let apps do, and ends it at once', async t => {
  const { app, origin } = await startServer(t, { AUTH_MODE: 'oauth' })
  const run = (...args: string[]) => new Promise<{ code: number, stdout: string, stderr: string }>(resolve => {
    execFile(process.execPath, [path.join(import.meta.dirname, '../../cli/grants.ts'), ...args], { env: { PATH: process.env.PATH, AUTH_DB_PATH: app.config.AUTH_DB_PATH } }, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }))
  })
  const [cursor, other] = [await new Authorization(origin).register({ client_name: 'Cursor' }), await new Authorization(origin).register({ client_name: 'Other' })]
  const [token, kept] = [(await cursor.redeem(await cursor.code())).body.access_token, (await other.redeem(await other.code())).body.access_token]
  const listed = JSON.parse((await run('list', '--user', 'MCPUSER')).stdout)
  t.match(listed, [{ user: 'mcpuser', app: 'Cursor', client_id: cursor.client.client_id, scope: 'mcp', since: /Z$/, until: /Z$/ }, { app: 'Other' }])
  t.match(await run('revoke', '--client', 'cursor', '--user', 'mcpuser'), { code: 0, stderr: `ended 1 grant in ${app.config.AUTH_DB_PATH}\n` })
  await until(async () => (await callTool(origin, token)).status === 401)
  t.equal((await callTool(origin, kept)).status, 200)
  t.same(await app.db.selectFrom('oauth_consents').select('client_id').execute(), [{ client_id: other.client.client_id }], 'it is asked for anew')
  t.match(await app.db.selectFrom('audit').selectAll().where('event', '=', 'grant_revoked').execute(), [{ subject: 'mcpuser', client: cursor.client.client_id }])
  t.match(await run('revoke', listed[0].id), { code: 2, stderr: 'grants: there is no such grant in force; list shows them\n' })
  t.match(await run('revoke'), { code: 2, stderr: /^grants: revoke needs the id of a grant, or --user or --client/ })
})
