import { randomBytes } from 'node:crypto'
import t from 'tap'
import { deviceCookie, isDeviceOf, readDevice } from '../../plugins/accounts/device.ts'
import { setClockAhead } from '../../lib/clock.ts'
import type { User } from '../../plugins/db/schema.ts'

const KEY = randomBytes(32)
const anna: User = { id: 1, username: 'anna', password_hash: 'one', created_at: 0, last_login: null, disabled_at: null }
const berta: User = { ...anna, id: 2, username: 'berta' }

t.afterEach(() => setClockAhead(0))

t.test('a browser is known for one user, with one password, for half a year', async t => {
  const cookie = deviceCookie(KEY, anna)
  const device = readDevice(KEY, cookie)
  t.ok(isDeviceOf(KEY, device, anna))
  t.notOk(isDeviceOf(KEY, device, berta))
  t.notOk(isDeviceOf(KEY, device, { ...anna, password_hash: 'two' }))
  t.notOk(isDeviceOf(KEY, device, undefined))
  t.notOk(isDeviceOf(KEY, undefined, anna))
  t.equal(readDevice(KEY, deviceCookie(KEY, anna, device?.id))?.id, device?.id, 'it stays the same device')
  t.not(readDevice(KEY, deviceCookie(KEY, anna))?.id, device?.id, 'another one is another')
  setClockAhead(180 * 86_400_000 - 2000)
  t.ok(readDevice(KEY, cookie))
  setClockAhead(180 * 86_400_000 + 1000)
  t.equal(readDevice(KEY, cookie), undefined)
})

t.test('no other cookie is one', async t => {
  const cookie = deviceCookie(KEY, anna)
  for (let at = 0; at < cookie.length; at++) {
    const changed = `${cookie.slice(0, at)}${cookie[at] === '1' ? '2' : '1'}${cookie.slice(at + 1)}`
    t.equal(readDevice(KEY, changed), undefined, changed)
  }
  t.equal(readDevice(randomBytes(32), cookie), undefined, 'of another server')
  for (const other of [undefined, '', '.', '....', `${cookie}x`, `${cookie}.x`, 'x'.repeat(100_000), cookie.replace(/^1/, '2')]) t.equal(readDevice(KEY, other), undefined)
})

t.test('the cookie tells nothing of name or password', async t => {
  t.notMatch(deviceCookie(KEY, { ...anna, password_hash: 'a-known-hash' }), /anna|known/)
})
