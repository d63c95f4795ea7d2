// The pages as people meet them, ordinary and worst cases, for the tests that look at them.
import { consentPage } from '../../plugins/auth/oauth/pages/consent.ts'
import { errorPage } from '../../plugins/auth/oauth/pages/error.ts'
import { signInPage } from '../../plugins/auth/oauth/pages/sign-in.ts'
import { signOutPage } from '../../plugins/auth/oauth/pages/sign-out.ts'
import { signedOutPage } from '../../plugins/auth/oauth/pages/signed-out.ts'
import { finishPage } from '../../plugins/auth/oauth/pages/finish.ts'

const serverName = 'mcpx'
const form = { serverName, action: '/oauth/authorize?client_id=c&state=s', csrf: 'token' }
const scopes = [
  { name: 'mcp', description: 'Use the tools of this server in your name' },
  { name: 'offline_access', description: 'Stay connected while you are away' }
]
const groups = [
  { id: ':read', title: 'Tools that only read', tools: ['Echo', 'Get the weather', 'Search the web'] },
  { id: 'github:write', title: 'github: tools that can change things', tools: ['Open an issue'], leftOut: true }
]
const claude = { host: 'claude.ai', kind: 'web' } as const

export const samples = {
  'sign-in': signInPage({ ...form, clientName: 'Claude', redirect: claude }),
  'sign-in-plain': signInPage(form),
  'sign-in-error': signInPage({ ...form, clientName: 'Cursor', redirect: { host: 'cursor:', kind: 'app' }, username: 'mcpuser', error: 'The username or password is wrong.', retryAfterSeconds: 8 }),
  'consent-web': consentPage({ ...form, username: 'mcpuser', clientId: 'https://claude.ai/oauth/mcp-oauth-client-metadata', clientName: 'Claude', clientSource: 'metadata_document', redirect: claude, scopes, groups }),
  'consent-loopback': consentPage({ ...form, username: 'mcpuser', clientId: 'c1', clientName: 'Visual Studio Code', clientUri: 'https://code.visualstudio.com/', clientSource: 'registered', redirect: { host: '127.0.0.1:33418', kind: 'loopback' }, scopes, groups }),
  'consent-app': consentPage({ ...form, username: 'mcpuser', clientId: 'c1', clientName: 'Cursor', clientSource: 'registered', redirect: { host: 'cursor:', kind: 'app' }, scopes: scopes.slice(0, 1), groups: groups.slice(0, 1) }),
  'consent-operator': consentPage({ ...form, username: 'mcpuser', clientId: 'c1', clientName: 'Nightly report', clientSource: 'operator', redirect: { host: 'reports.example.com', kind: 'web' }, scopes: scopes.slice(0, 1), groups: groups.slice(0, 1) }),
  'consent-worst': consentPage({
    ...form, serverName: 'W'.repeat(100), username: 'ö'.repeat(64), clientId: 'c1', clientName: `<b>‮${'M'.repeat(400)}`, clientUri: `https://${'sub.'.repeat(50)}example.com`, clientSource: 'registered',
    redirect: { host: `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com:65535`, kind: 'loopback' }, scopes: [{ name: `tools:${'x'.repeat(120)}`, description: 'D'.repeat(200) }], groups: [{ id: ':read', title: 'T'.repeat(128), tools: ['T'.repeat(128)] }, { id: ':write', title: 'U'.repeat(128), tools: ['U'.repeat(128)], leftOut: true }]
  }),
  'finish': finishPage({ serverName, clientName: 'Claude', location: 'https://claude.ai/api/mcp/auth_callback?code=c&state=s' }),
  'error': errorPage({ serverName, title: 'This server does not know the app', advice: 'Remove mcpx in the app and add it again: the app then introduces itself anew. If that does not help, tell the people who make the app.', message: 'redirect_uri is not one that this client has registered', requestId: '911e9a16-c0e7-4247-b54c-000000000005' }),
  'sign-out': signOutPage({ ...form, username: 'mcpuser' }),
  'signed-out': signedOutPage({ serverName })
}
