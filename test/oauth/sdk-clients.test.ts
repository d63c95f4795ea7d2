// The SDK clients' own OAuth, with nothing but the URL: they discover, register, send the person to sign in, call, refresh, and survive the end of a token.
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { startServer } from '../server.ts'
import { KEY, pages, startOpenAI } from '../upstreams/openai.ts'
import { startWeatherGov } from '../upstreams/weather-gov.ts'
import { clients, signInWith } from './sdk-clients.ts'

t.jobs = 3 // they wait for the end of a token, not for the processor

for (const name of Object.keys(clients) as (keyof typeof clients)[]) {
  t.test(`${name} goes from the URL to every tool's result, and on after its token has expired`, { buffered: true }, async t => {
    const [openAI, weather] = [await startOpenAI(t), await startWeatherGov(t)]
    const { endpoint, app } = await startServer(t, { AUTH_MODE: 'oauth', OPENAI_API_KEY: KEY, OPENAI_BASE_URL: `${openAI.origin}/v1`, WEATHER_GOV_BASE_URL: weather.origin }, { JWT_ACCESS_TOKEN_EXPIRE_MINUTES: 5 / 60 })
    const { client, provider } = await signInWith(t, name, endpoint)
    t.equal(provider.saved.asked?.searchParams.get('resource'), endpoint)
    t.equal(provider.saved.asked?.searchParams.get('code_challenge_method'), 'S256')
    t.equal(provider.saved.callback?.searchParams.get('state'), 'state-of-the-client')
    t.match(provider.tokens(), { access_token: String, refresh_token: String, expires_in: 5, scope: /\bmcp\b/ })

    const { tools } = await client.listTools()
    t.ok(tools.length >= 5)
    const call = async (name: string, args: Record<string, unknown> = {}) => await client.callTool({ name, arguments: args })
    t.match(await call('echo', { message: 'signed in' }), { content: [{ text: 'signed in' }] })
    t.match(await call('get_source_ip'), { content: [{ text: 'Your source IP address: 127.0.0.1' }] })
    t.match(await call('get_request_info'), { content: [{ text: /^Request Information:/ }] })
    t.notMatch(JSON.stringify(await call('get_request_info')), provider.tokens().access_token, 'a tool does not show the token')
    t.match(await call('web_search', { query: 'mcp' }), { content: [{ text: new RegExp(pages[0]?.title ?? '') }] })
    t.match(await call('get_weather', { zip_code: '10001' }), { content: [{ text: /New York/ }] })

    provider.forgetAsked()
    const { length } = provider.saved.tokens
    await sleep(5500)
    t.match(await call('echo', { message: 'refreshed' }), { content: [{ text: 'refreshed' }] })
    t.ok(provider.saved.tokens.length > length, 'the client has refreshed')
    t.equal(provider.saved.asked, undefined, 'and nobody had to sign in')

    await app.db.updateTable('oauth_grants').set({ revoked_at: Math.floor(Date.now() / 1000) }).execute()
    await app.oauth.revocations.refresh()
    await t.rejects(call('echo', { message: 'revoked' }), /Unauthorized|authoriz/i, 'revoked, the client has to ask the person again')
    t.ok(provider.saved.asked)
  })
}
