import * as fc from 'fast-check'
import t from 'tap'
import { covers, grantable, narrow, OFFLINE_SCOPE, parseScope, TOOLS_SCOPE } from '../../plugins/auth/scope.ts'

const name = fc.constantFrom('mcp', 'files', 'files:read', 'files:read:own', 'files:write', 'mail', 'mail:send', OFFLINE_SCOPE)
const names = fc.uniqueArray(name)
const hostile = fc.oneof(name, fc.string({ minLength: 1 }), fc.string({ minLength: 1 }).map(tail => `mcp:${tail}`))

t.test('a scope list is read as a set in its order', async t => {
  t.same(parseScope(' a  b a c '), ['a', 'b', 'c'])
  t.same(parseScope(''), [])
  t.same(parseScope(undefined), [])
  fc.assert(fc.property(names, scopes => t.same(parseScope(scopes.join(' ')), scopes)))
})

t.test('a scope covers itself and what is under it, and nothing beside or above it', async t => {
  fc.assert(fc.property(names, name, (granted, scope) =>
    covers(new Set(granted), scope) === granted.some(held => scope === held || scope.startsWith(`${held}:`))))
  t.notOk(covers(new Set(['file']), 'files'))
  t.notOk(covers(new Set(['files:read']), 'files'))
  t.notOk(covers(new Set(['']), ':x'))
})

t.test('only what is offered is ever granted, and always something that opens the tools or a scope of theirs', async t => {
  fc.assert(fc.property(fc.array(hostile), names, (requested, others) => {
    const offered = [TOOLS_SCOPE, OFFLINE_SCOPE, ...others]
    const granted = grantable(requested, offered)
    return granted.every(scope => offered.includes(scope)) && granted.some(scope => scope !== OFFLINE_SCOPE)
  }))
})

t.test('made-up scopes under an offered one are ignored, so that no text of a stranger ends up in a token', async t => {
  t.same(grantable(['mcp:tools', 'mcp:"\r\nx'], [TOOLS_SCOPE, OFFLINE_SCOPE]), [TOOLS_SCOPE])
  t.same(grantable(parseScope('openid email profile'), [TOOLS_SCOPE, OFFLINE_SCOPE]), [TOOLS_SCOPE])
  t.same(grantable(parseScope('openid offline_access'), [TOOLS_SCOPE, OFFLINE_SCOPE]), [TOOLS_SCOPE, OFFLINE_SCOPE])
})

t.test('a refresh never gets more than was granted, and is told so where there is more', async t => {
  fc.assert(fc.property(names, fc.array(hostile), names, (granted, requested, offered) => {
    const result = narrow(granted, requested, offered)
    const held = new Set(granted)
    const allowed = (scope: string): boolean => covers(held, scope) && /^[!#-[\]-~]+$/.test(scope)
    if (requested.some(scope => offered.some(one => one === scope) && !allowed(scope))) return result === undefined
    return result !== undefined && (requested.some(allowed) ? result.every(allowed) && result.every(scope => requested.includes(scope)) : t.same(result, granted))
  }))
  t.same(narrow(['mcp'], ['mcp:one'], ['mcp']), ['mcp:one'])
  t.same(narrow(['mcp'], ['mcp:"\r\nx'], ['mcp']), ['mcp'])
  t.same(narrow(['mcp'], ['mcp', 'openid'], ['mcp']), ['mcp'], 'as it was asked for at first')
  t.equal(narrow(['mcp:one'], ['mcp'], ['mcp', 'mcp:one']), undefined)
})
