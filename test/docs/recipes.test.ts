// The recipes are complete: settings that the server accepts, files that parse, and a check at the end.
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseEnv } from 'node:util'
import t from 'tap'
import { parse } from 'yaml'
import { parts } from '../../docs/generator/markdown.ts'
import { readConfig } from '../../plugins/config.ts'

const root = path.join(import.meta.dirname, '../..')
const recipes = globSync('docs/recipes/*.md', { cwd: root }).filter(file => !file.endsWith('README.md'))
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

t.test('each recipe sets what depends on the proxy, to values that the server accepts', async t => {
  t.ok(recipes.length >= 6)
  for (const recipe of recipes) {
    const { blocks } = parts(read(recipe))
    const files = blocks.filter(({ language, code }) => language === 'ini' && code.startsWith('# .env')).map(({ code }) => parseEnv(code) as NodeJS.ProcessEnv)
    const services = blocks.filter(({ language }) => language === 'yaml').map(({ code }) => parse(code).services?.mcpx?.environment as NodeJS.ProcessEnv | undefined)
    const all = [...files, ...services].filter(env => env !== undefined)
    t.ok(all.length > 0, `${recipe} has settings`)
    for (const env of all) {
      const config = readConfig(env, '') as unknown as Record<string, unknown>
      for (const name of Object.keys(env)) t.ok(name in config, `${recipe}: ${name} is a setting`)
      t.ok(env.TRUST_PROXY, `${recipe} says who may forward`)
      if (env.AUTH_MODE !== 'noauth') {
        t.match(env.PUBLIC_URL, /^https:/, `${recipe} has an https address`)
        t.ok(Number(env.IDLE_CONNECTION_SECONDS) > 75, `${recipe} keeps connections for longer than its proxy`)
      }
    }
  }
})

t.test('each recipe ends with a check by the doctor', async t => {
  for (const recipe of recipes) {
    const text = read(recipe)
    t.match(text, /^#+ Check\n\n```sh\n[^`]*\.\/mcpx doctor /m, recipe)
    t.match(text, /^\*Worked if\* .*`0 problems`/m, recipe)
  }
})

t.test('what the recipes build and mount in a container is what the image has', async t => {
  for (const recipe of recipes) {
    for (const { code } of parts(read(recipe)).blocks.filter(({ language }) => language === 'yaml')) {
      const { services } = parse(code)
      if (services?.mcpx === undefined) continue
      const { build, volumes, networks, environment } = services.mcpx
      t.match(read(path.join(build.context, build.dockerfile)), /AUTH_DB_PATH=\/data\//, recipe)
      t.ok(volumes.some((volume: string) => volume.endsWith(':/data')), recipe)
      t.same(networks, ['mcpx'], recipe)
      t.match(environment.TRUST_PROXY, /^172\.30\.42\./, `${recipe}: the proxy is in the network of the file`)
      t.equal(parse(code).networks.mcpx.ipam.config[0].subnet, '172.30.42.0/24')
    }
  }
})
