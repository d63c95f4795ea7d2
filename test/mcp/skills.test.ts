// Skills (SEP-2640): folders become resources, in both eras, and nothing else of the disk does.
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { startServer, temporaryFolder } from '../server.ts'
import { answer, legacy, modern } from './wire.ts'

const SKILLS = 'io.modelcontextprotocol/skills'
const SKILLS_DIR = path.join(import.meta.dirname, '../conformance/skills')

for (const [era, send] of Object.entries({ 2026: modern, 2025: legacy })) {
  t.test(`in ${era}`, async t => {
    const { endpoint } = await startServer(t, { SKILLS_DIR })
    const read = (uri: string) => answer(send(endpoint, 'resources/read', { uri }))

    t.test('skills are listed with their files', async t => {
      const { result } = await answer(send(endpoint, 'skills/list'))
      t.match(result?.skills, [
        { uri: 'skill://haiku/SKILL.md', frontmatter: { name: 'haiku', metadata: { author: 'mcpx' } }, resources: [{ uri: /^skill:\/\/haiku\//, digest: /^sha256:/, size: Number }, { uri: 'skill://haiku/references/seasons.md' }] },
        { uri: 'skill://tea-tasting/SKILL.md' }
      ])
      if (send === modern) t.match(result, { ttlMs: 60_000, cacheScope: 'public' })
      t.match(await answer(send(endpoint, 'skills/get', { uri: 'skill://tea-tasting/SKILL.md' })), { result: { skill: { frontmatter: { name: 'tea-tasting' } } } })
    })

    t.test('their files are resources', async t => {
      const { result } = await answer(send(endpoint, 'resources/list'))
      t.same(result?.resources.map((resource: { uri: string }) => resource.uri), ['skill://haiku/SKILL.md', 'skill://tea-tasting/SKILL.md'])
      t.match(await read('skill://haiku/references/seasons.md'), { result: { contents: [{ uri: 'skill://haiku/references/seasons.md', mimeType: 'text/markdown', text: /plum blossom/ }] } })
    })

    t.test('nothing else can be read', async t => {
      for (const uri of ['skill://haiku/../../../package.json', 'skill://haiku/%2e%2e/%2e%2e/%2e%2e/package.json', 'skill://haiku/..%2f..%2f..%2fpackage.json', 'skill://haiku//etc/passwd', 'skill://nope/SKILL.md', 'skill://haiku/references']) {
        t.match(await read(uri), { error: { code: -32602 }, result: undefined }, uri)
      }
    })
  })
}

t.test('the extension is announced only where there are skills', async t => {
  const capabilities = async (env: NodeJS.ProcessEnv) => (await answer(modern((await startServer(t, env)).endpoint, 'server/discover'))).result?.capabilities
  t.match(await capabilities({ SKILLS_DIR }), { extensions: { [SKILLS]: { directoryRead: true } }, resources: { subscribe: true, listChanged: true } })
  const without = await capabilities({})
  t.notOk(without.extensions?.[SKILLS])
  t.notOk(without.resources)
  t.match(await answer(modern((await startServer(t)).endpoint, 'skills/list')), { error: { code: -32601 } })
})

t.test('what is wrong with the folder stops the boot, one line each', async t => {
  const dir = temporaryFolder(t)
  const skill = (name: string, text: string): void => {
    mkdirSync(path.join(dir, name))
    writeFileSync(path.join(dir, name, 'SKILL.md'), text)
  }
  skill('good', '---\nname: good\ndescription: Is fine.\n---\n\nDo it well.\n')
  skill('other-name', '---\nname: misnamed\ndescription: Is called otherwise.\n---\n')
  skill('no-description', '---\nname: no-description\n---\n')
  const problems = async (SKILLS_DIR: string): Promise<string[]> => {
    const error: unknown = await startServer(t, { SKILLS_DIR }).catch((error: unknown) => error)
    return error instanceof ConfigurationError ? error.problems : [String(error)]
  }
  const wrong = await problems(dir)
  t.equal(wrong.length, 2)
  t.match(wrong.find(line => line.includes('other-name')), /^\/.*other-name.*: .*match/)
  t.match(wrong.find(line => line.includes('no-description')), /description/)
  t.match(await problems(path.join(dir, 'nowhere')), [/^SKILLS_DIR: the folder .*nowhere cannot be read/])
  t.match(await problems(path.join(dir, 'good/SKILL.md')), [/^SKILLS_DIR: .* is not a folder/])
})

t.test('a file that was changed since the start is not passed off as the one that was listed', async t => {
  const dir = temporaryFolder(t)
  mkdirSync(path.join(dir, 'note'))
  const file = path.join(dir, 'note/SKILL.md')
  writeFileSync(file, '---\nname: note\ndescription: Is short.\n---\n\nOne.\n')
  const { endpoint, log } = await startServer(t, { SKILLS_DIR: dir })
  const read = () => answer(modern(endpoint, 'resources/read', { uri: 'skill://note/SKILL.md' }))
  t.match(await read(), { result: { contents: [{ text: /One/ }] } })
  writeFileSync(file, '---\nname: note\ndescription: Is short.\n---\n\nTwo.\n')
  t.match(await read(), { error: {} })
  t.match(log.join(''), /"skill":"note\/SKILL.md".*changed/)
})
