// What the documentation points at is there: pages, headings, commands with their options, and scripts. And every page is found
// from docs/README.md.
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { headings, parts } from '../../docs/generator/markdown.ts'

const root = path.join(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')
const PAGES = globSync(['*.md', 'docs/**/*.md', 'examples/**/*.md', 'ops/*.md'], { cwd: root }).filter(file => !file.includes('node_modules')).sort()

/** Where the links of a page lead within the repository: a file and, if it is named, a heading of it. */
function linksOf (page: string): { file: string, anchor: string }[] {
  return [...parts(read(page)).prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target).filter(target => !URL.canParse(target)).map(target => {
    const [file = '', anchor = ''] = target.split('#')
    return { file: file === '' ? page : path.join(path.dirname(page), file), anchor }
  })
}

t.test('every link leads to a file, and to a heading of it', async t => {
  t.ok(PAGES.length > 15)
  const anchors = new Map<string, Set<string>>()
  for (const page of PAGES) {
    for (const { file, anchor } of linksOf(page)) {
      if (!existsSync(path.join(root, file))) t.fail(`${page} links to ${file}, which is not there`)
      else if (anchor !== '') {
        const there = anchors.get(file) ?? new Set(headings(read(file)).map(heading => heading.anchor))
        anchors.set(file, there)
        if (!there.has(anchor)) t.fail(`${page} links to ${file}#${anchor}: there is no such heading`)
      }
    }
  }
})

t.test('headings have the anchors that GitHub gives them', async t => {
  const page = '# A, B & c_d\n\n## `x` – [y](z.md)\n\n```sh\n# no heading\n```\n\n## Again\n\n### Again\n\n## Größe 2.0'
  t.same(headings(page).map(({ level, anchor }) => [level, anchor]), [[1, 'a-b--c_d'], [2, 'x--y'], [2, 'again'], [3, 'again-1'], [2, 'größe-20']])
})

t.test('every page is reached from docs/README.md, and docs/README.md from README.md', async t => {
  const reached = new Set(['docs/README.md'])
  for (const page of reached) for (const { file } of linksOf(page)) if (file.startsWith('docs/') && file.endsWith('.md')) reached.add(file)
  t.same(PAGES.filter(page => page.startsWith('docs/') && !reached.has(page)), [], 'pages that no way leads to')
  t.ok(linksOf('README.md').some(({ file }) => file === 'docs/README.md'))
})

t.test('a long page begins with its contents', async t => {
  for (const page of PAGES.filter(page => page.startsWith('docs/') && page !== 'docs/README.md')) {
    const text = read(page)
    if (text.split('\n').length <= 120) continue
    const [opening = ''] = text.split(/^## /m)
    for (const { level, anchor } of headings(text)) if (level === 2 && !opening.includes(`(#${anchor})`)) t.fail(`${page}: its beginning has no link to #${anchor}; put <!-- contents --> and <!-- /contents --> there and run ./mcpx docs`)
  }
})

/** What a page tells its reader to type: lines of shell, and code within a sentence, each command of a line by itself. */
function typed (page: string): string[] {
  const { prose, blocks } = parts(read(page))
  const shell = blocks.filter(({ language }) => language === 'sh').map(({ code }) => code.replaceAll('\\\n', ' '))
  const inline = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
  return [...shell.flatMap(block => block.split('\n')), ...inline].flatMap(line => (line.split(' # ')[0] ?? '').split(/&&|\|\||[|;]|\$\(/)).map(command => command.trim())
}

const PACKAGE: { scripts: Record<string, string> } = JSON.parse(read('package.json'))
const OF_PNPM = ['add', 'audit', 'dlx', 'exec', 'install', 'outdated', 'update', 'view']
const OF_CHECKOUT = [...read('mcpx').matchAll(/^ {2}([a-z:| -]+)\)/gm)].flatMap(([, names = '']) => names.split('|').map(name => name.trim()))
const ON_SERVER = /\^\(([a-z|]+)\)\$/.exec(read('ops/mcpx'))?.[1]?.split('|') ?? []

t.test('every command exists, with the options that are given to it', async t => {
  let found = 0
  for (const page of PAGES) {
    for (const line of typed(page)) {
      const words = line.split(/\s+/).filter(word => word !== 'sudo' && !/^[A-Z_]+=/.test(word))
      const caller = ['./mcpx', 'mcpx', 'npx -y pnpm@12'].find(caller => words.join(' ').startsWith(`${caller} `)) ?? ''
      const [name = '', ...rest] = words.slice(caller.split(' ').length).filter(word => word !== 'run')
      if (caller === '' || !/^[a-z:-]+$/.test(name)) continue
      found++
      const known = caller === './mcpx' ? OF_CHECKOUT : caller === 'mcpx' ? ON_SERVER : [...Object.keys(PACKAGE.scripts), ...OF_PNPM]
      if (!known.includes(name)) t.fail(`${page}: \`${line}\`: there is no command ${name}`)
      const script = /\bnode ((?:cli|bench|scaffold)\/[\w/-]+\.ts)/.exec(PACKAGE.scripts[name] ?? `node cli/${name}.ts`)?.[1] ?? ''
      if (caller.startsWith('npx') || script === '' || !existsSync(path.join(root, script))) continue
      const source = read(script) + (name === 'bench' ? read('bench/options.ts') : '')
      for (const option of rest.filter(word => /^--[a-z-]+$/.test(word))) if (!source.includes(option) && !source.includes(`${option.slice(2)}: {`)) t.fail(`${page}: \`${line}\`: ${name} has no option ${option}`)
    }
  }
  t.ok(found > 60, `${found} commands`)
})

t.test('every script that is called is there', async t => {
  let found = 0
  for (const page of PAGES) {
    for (const script of typed(page).flatMap(line => line.split(/[\s"]+/)).filter(word => /^(?:bench|cli|ops|scaffold)\/[\w/-]+\.(?:ts|sh|yaml)$/.test(word))) {
      found++
      if (!existsSync(path.join(root, script))) t.fail(`${page} calls ${script}, which is not there`)
    }
  }
  t.ok(found > 20, `${found} scripts`)
})

/** Words of Mermaid's own: a node of this name ends the drawing, and GitHub shows an error in its place. */
const RESERVED = new Set(['call', 'class', 'classDef', 'click', 'default', 'end', 'graph', 'href', 'linkStyle', 'style'])

t.test('flowcharts name no node with a word of the language, and put names with other signs in quotes', async t => {
  const drawings = PAGES.flatMap(page => parts(read(page)).blocks.filter(({ language, code }) => language === 'mermaid' && code.startsWith('flowchart')).map(({ code }) => ({ page, code })))
  t.ok(drawings.length >= 3)
  for (const { page, code } of drawings) {
    const [, ...lines] = code.replaceAll(/"[^"\n]*"/g, '""').replaceAll(/\[[^[\]\n]*\]|\{[^{}\n]*\}/g, box => /[^\w ./:,?()[\]{}"-]/.test(box) ? '[!]' : '[]').split('\n')
    for (const line of lines) {
      t.notMatch(line, '[!]', `${page}: ${line.trim()}`)
      for (const [word] of line.matchAll(/[A-Za-z]\w*/g)) if (RESERVED.has(word) && line.trim() !== 'end') t.fail(`${page}: ${line.trim()}: ${word} is a word of Mermaid`)
    }
  }
})
