import t from 'tap'
import { addressOf } from '../plugins/budgets.ts'

t.test('an address that a request no longer has is nobody\'s, and no fault of the server', async t => {
  t.equal(addressOf({ ip: undefined }), 'unknown')
  t.equal(addressOf({ ip: '203.0.113.7' }), '203.0.113.7')
  t.equal(addressOf({ ip: '2001:db8:1:2:3::4' }), addressOf({ ip: '2001:db8:1:2::9' }), 'one /64 is one caller')
})
