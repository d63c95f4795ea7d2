// What MCPX is made of: the package manager that root runs, the packages it installs, the list of them, and who signed a release.
import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }
import { temporaryFolder } from '../server.ts'
import { CHECKOUT } from './machine.ts'

const PNPM = path.join(CHECKOUT, 'ops/pnpm')
const script = readFileSync(PNPM, 'utf8')
const lock = parse(readFileSync(path.join(CHECKOUT, 'pnpm-lock.yaml'), 'utf8').split(/^---$/m).at(-1) ?? '')

t.test('every package is pinned by a hash, Node for each system too, and no script of one runs', async t => {
  const packages = Object.entries<any>(lock.packages)
  t.ok(packages.length > 100)
  for (const [name, { resolution }] of packages) if (!/^sha512-[\w+/]{86}==$/.test(resolution.integrity ?? '')) t.fail(`${name} has no hash`)
  for (const [name, version] of Object.entries(packageJson.optionalDependencies)) t.ok(lock.packages[`${name}@${version}`], `${name} is Node for a system`)
  t.same(packages.filter(([, { requiresBuild }]) => requiresBuild).map(([name]) => name), [])
  t.match(parse(readFileSync(path.join(CHECKOUT, 'pnpm-workspace.yaml'), 'utf8')), { minimumReleaseAge: 4320, blockExoticSubdeps: true, trustPolicy: 'no-downgrade', strictDepBuilds: true })
})

t.test('the package manager', async t => {
  const [, version = '', hash = ''] = /^pnpm@(\d+\.\d+\.\d+)\+sha512\.([0-9a-f]{128})$/.exec(packageJson.packageManager) ?? []
  t.equal(hash.length, 128)
  t.match(script, `\nVERSION=${version}\n`, 'is the one of package.json')
  const system = process.arch === 'arm64' ? 'linux-arm64' : 'linux-x64'
  const name = `exe.${system}-${version}.tgz`

  /** Runs ops/pnpm with a curl that answers with a file, and a home of its own. */
  function run (answer: string, home: string) {
    const bin = path.join(temporaryFolder(t), 'bin')
    mkdirSync(bin)
    writeFileSync(path.join(bin, 'curl'), `#!/bin/bash\nwhile [[ $1 != --output ]]; do shift; done\ncp '${answer}' "$2"\n`, { mode: 0o755 })
    return spawnSync(PNPM, ['--version'], { encoding: 'utf8', env: { PATH: `${bin}:/usr/bin:/bin`, HOME: home } })
  }
  const folder = temporaryFolder(t)
  const proof = path.join(folder, 'proof')
  mkdirSync(path.join(folder, 'package'))
  writeFileSync(path.join(folder, 'package/pnpm'), `#!/bin/sh\ntouch '${proof}'\necho ${version}\n`, { mode: 0o755 })
  const altered = path.join(folder, 'altered.tgz')
  execFileSync('tar', ['-czf', altered, '-C', folder, 'package/pnpm'])

  t.test('is not run when it was altered on its way', async t => {
    const { status, stdout, stderr } = run(altered, temporaryFolder(t))
    t.same({ status, stdout }, { status: 1, stdout: '' })
    t.match(stderr, /^ops\/pnpm: exe\.\S+ from https:\/\/registry\.npmjs\.org does not have the hash that it should have, and is not run: was it altered on its way\?\n$/)
    t.notOk(existsSync(proof))
  })

  t.test('is not run when what was fetched before has been exchanged', async t => {
    const home = temporaryFolder(t)
    mkdirSync(path.join(home, '.cache/mcpx'), { recursive: true })
    writeFileSync(path.join(home, '.cache/mcpx', `pnpm-${name}`), readFileSync(altered))
    writeFileSync(path.join(home, '.cache/mcpx', name), readFileSync(altered))
    t.equal(run(altered, home).status, 1)
    t.notOk(existsSync(proof))
  })

  t.test('is run when it is the right one, as often as it is called', async t => {
    const home = temporaryFolder(t)
    // The same script for an archive of which the hash is known.
    const own = path.join(folder, 'pnpm')
    const right = createHash('sha512').update(readFileSync(altered)).digest('hex')
    writeFileSync(own, script.replace(/hash=[0-9a-f]{128}/g, `hash=${right}`))
    chmodSync(own, 0o755)
    const bin = path.join(folder, 'bin')
    mkdirSync(bin)
    writeFileSync(path.join(bin, 'curl'), `#!/bin/bash\necho "\${@: -1}" >>'${folder}/asked'\nwhile [[ $1 != --output ]]; do shift; done\ncp '${altered}' "$2"\n`, { mode: 0o755 })
    for (let times = 0; times < 2; times++) t.match(spawnSync(own, ['--version'], { encoding: 'utf8', env: { PATH: `${bin}:/usr/bin:/bin`, HOME: home } }), { status: 0, stdout: `${version}\n`, stderr: '' })
    t.equal(readFileSync(path.join(folder, 'asked'), 'utf8'), `https://registry.npmjs.org/@pnpm/exe.${system}/-/${name}\n`, 'and is fetched once')
    t.ok(existsSync(proof))
  })

  t.test('is what root installs with, and nothing runs another one as root', async t => {
    for (const file of ['ops', 'ops/shell', 'ops/container'].flatMap(folder => readdirSync(path.join(CHECKOUT, folder)).map(name => path.join(CHECKOUT, folder, name)))) {
      if (/\.(sh)$|Dockerfile$/.test(file)) t.notMatch(readFileSync(file, 'utf8'), /\bnpx\b|\bnpm install/, file)
    }
  })
})

t.test('one command lists what MCPX is made of', async t => {
  const { status, stdout, stderr } = spawnSync('npx', ['-y', 'pnpm@12', 'run', 'sbom'], { cwd: CHECKOUT, encoding: 'utf8' })
  t.equal(status, 0, stderr)
  const { bomFormat, metadata, components } = JSON.parse(stdout)
  t.match({ bomFormat, name: metadata.component.name, version: metadata.component.version }, { bomFormat: 'CycloneDX', name: 'mcpx', version: packageJson.version })
  const listed = new Set<string>(components.map((component: any) => decodeURIComponent(component.purl)))
  for (const name of Object.keys(packageJson.dependencies)) t.ok([...listed].some(purl => purl.startsWith(`pkg:npm/${name}@`)), name)
  t.ok([...listed].some(purl => purl.startsWith('pkg:npm/node-')), 'Node is one of them')
  for (const { purl, externalReferences, licenses } of components) if (!/^[0-9a-f]{128}$/.test(externalReferences?.[0]?.hashes?.[0]?.content ?? '') || licenses === undefined) t.fail(`${purl} has no hash or no licence`)
})

t.test('a release whose tag has to be signed', { skip: spawnSync('git', ['--version']).error !== undefined && 'git is not installed' }, async t => {
  const folder = temporaryFolder(t)
  const repository = path.join(folder, 'repository')
  const env = { PATH: process.env.PATH, HOME: folder, GNUPGHOME: path.join(folder, 'gnupg'), GIT_CONFIG_GLOBAL: '/dev/null', GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@mcpx.test', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@mcpx.test' }
  const git = (...args: string[]) => execFileSync('git', ['-C', repository, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' })
  mkdirSync(repository)
  execFileSync('git', ['init', '-q', '-b', 'main', repository], { env })
  // No checkout of MCPX: an upgrade that comes so far says that, and one that does not has looked at the signature before.
  writeFileSync(path.join(repository, 'README'), 'first')
  git('add', '.')
  git('commit', '-qm', 'first')
  const key = (name: string) => {
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', name, '-f', path.join(folder, name)])
    return path.join(folder, name)
  }
  const [ours, theirs] = [key('ours'), key('theirs')]
  const signed = (tag: string, by: string, ...more: string[]) => git('-c', 'gpg.format=ssh', '-c', `user.signingKey=${by}`, 'tag', '-s', '-m', tag, tag, ...more)
  const signers = path.join(folder, 'signers')
  writeFileSync(signers, `a@mcpx.test ${readFileSync(`${ours}.pub`, 'utf8')}`)
  signed('v1.0.0', ours)
  signed('v1.1.0', theirs)
  git('tag', 'v1.2.0')
  git('tag', '-a', '-m', 'x', 'v1.3.0')
  git('update-ref', 'refs/tags/v2.0.0', 'refs/tags/v1.0.0') // a good signature, of another release
  signed('v3.0.0', ours)
  git('checkout', '-q', '-b', 'v3.0.0') // and a branch with the name of a tag, which git would take
  writeFileSync(path.join(repository, 'README'), 'other')
  git('commit', '-qam', 'other')

  // As after a setup, as far as upgrade.sh looks before it takes a release.
  const root = path.join(folder, 'root')
  mkdirSync(path.join(root, 'opt/mcpx/releases/0.0.1-former'), { recursive: true })
  mkdirSync(path.join(root, 'etc/systemd/system/mcpx.target.wants'), { recursive: true })
  symlinkSync('releases/0.0.1-former', path.join(root, 'opt/mcpx/current'))
  symlinkSync('../mcpx@.service', path.join(root, 'etc/systemd/system/mcpx.target.wants/mcpx@8001.service'))
  const upgrade = (...args: string[]) => spawnSync(path.join(CHECKOUT, 'ops/upgrade.sh'), ['--root', root, '--from', repository, ...args], { encoding: 'utf8', env })
  const verified = /is no checkout of MCPX/

  t.match(upgrade('--ref', 'v1.0.0', '--verify-tag', signers), { status: 1, stderr: verified })
  for (const [tag, why] of [['v1.1.0', 'signed by somebody else'], ['v1.2.0', 'no tag of its own'], ['v1.3.0', 'not signed'], ['v2.0.0', 'that of another release'], ['main', 'a branch']] as const) {
    t.match(upgrade('--ref', tag, '--verify-tag', signers), { status: 1, stderr: new RegExp(`^upgrade: the tag ${tag} of \\S+ is not signed by a key in \\S+signers: [^\\n]+; nothing was changed\\n$`) }, why)
  }
  t.match(upgrade('--ref', 'v3.0.0', '--verify-tag', signers), { status: 1, stderr: /^upgrade: the tag v3\.0\.0 [^\n]+ a branch has the same name; nothing was changed\n$/ })
  t.match(upgrade('--verify-tag', signers), { status: 2, stderr: 'upgrade: --verify-tag: say which tag, with --ref\n' })
  t.match(upgrade('--ref', 'v1.0.0', '--verify-tag', '/nowhere'), { status: 2, stderr: 'upgrade: --verify-tag: there is no file /nowhere; it takes the keys of those who may sign a release\n' })
  t.match(upgrade('--ref', 'v1.1.0'), { status: 1, stderr: verified }, 'only when it is asked for')

  await t.test('with a key of OpenPGP', { skip: spawnSync('gpg', ['--version']).error !== undefined && 'gpg is not installed' }, async t => {
    mkdirSync(env.GNUPGHOME, { mode: 0o700 })
    t.teardown(() => { spawnSync('gpgconf', ['--kill', 'all'], { env }) })
    const make = (name: string) => execFileSync('gpg', ['--batch', '--quiet', '--passphrase', '', '--quick-generate-key', `${name} <${name}@mcpx.test>`, 'ed25519', 'sign', 'never'], { env, stdio: 'ignore' })
    for (const name of ['we', 'they']) make(name)
    const keys = path.join(folder, 'keys.asc')
    writeFileSync(keys, execFileSync('gpg', ['--armor', '--export', 'we@mcpx.test'], { env }))
    git('checkout', '-q', 'main')
    for (const [tag, by] of [['v4.0.0', 'we'], ['v4.1.0', 'they']] as const) git('-c', `user.signingKey=${by}@mcpx.test`, 'tag', '-s', '-m', tag, tag)
    t.match(upgrade('--ref', 'v4.0.0', '--verify-tag', keys), { status: 1, stderr: verified })
    t.match(upgrade('--ref', 'v4.0.0', '--verify-tag', signers), { status: 1, stderr: /is not signed by a key in \S+signers/ }, 'nor is it good for a file of other keys')
    t.match(upgrade('--ref', 'v1.0.0', '--verify-tag', keys), { status: 1, stderr: /is not signed by a key in \S+keys\.asc/ })
    t.match(upgrade('--ref', 'v4.1.0', '--verify-tag', keys), { status: 1, stderr: /^upgrade: the tag v4\.1\.0 [^\n]+ is not signed by a key in \S+keys\.asc: [^\n]+; nothing was changed\n$/ }, 'although the key is known elsewhere on the machine')
  })
})
