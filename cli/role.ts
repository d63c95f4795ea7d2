// mcpx role …: what groups of users may do.
import { parseArgs } from 'node:util'
import { called } from '../lib/called.ts'
import { isoOf } from '../lib/clock.ts'
import { addRole, listRoles, removeRole, rolesOfUsers, setRole } from '../plugins/accounts/roles.ts'
import type { Quota } from '../plugins/auth/principal.ts'
import { BUILT_IN, type RoleDefinition } from '../plugins/auth/roles.ts'
import { readConfig } from '../plugins/config.ts'
import { inDatabase, withDatabase } from './database.ts'
import { Mistake, run } from './mistake.ts'
import { record } from './operator.ts'

const HELP = `Roles: what groups of users may use, whether or not the server runs. A change counts at the next call.

  ${called('role')} list                   the roles, and how many have each; as JSON when piped
  ${called('role')} add NAME OPTIONS       adds one; what no option names, it does not allow
  ${called('role')} set NAME OPTIONS       changes what the options name, and nothing else
  ${called('role')} remove NAME            removes one that nobody has

  --tools, --prompts, --resources   patterns: names (of resources: URIs, or templates as declared), with *
                for any text, and ! before what is left out; separated by commas, or repeated
  --scopes      which of the scopes that tools declare can be used: names, or * for all (the default)
  --quota       calls a minute or a day, of all tools or of some: 60/minute, get_weather=100/day,
                github.*=1000/day; may be repeated. set --quota none removes them
  --create      creates the database if there is none
  --help

  ${called('role')} add reader --tools 'get_*,github.*,!github.delete_*' --quota 1000/day
  ${called('user')} role anna reader

Of several roles of a user, what any of them allows is allowed. Built in: admin, auditor and member.
`

type List = 'tools' | 'prompts' | 'resources' | 'scopes'
type Given = Partial<Record<List | 'quota', string[]>>

await run('role', async args => {
  const { values: { help, create = false, ...given }, positionals: [command, name, ...more] } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      tools: { type: 'string', multiple: true }, prompts: { type: 'string', multiple: true }, resources: { type: 'string', multiple: true }, scopes: { type: 'string', multiple: true }, quota: { type: 'string', multiple: true },
      create: { type: 'boolean' }, help: { type: 'boolean', short: 'h' }
    }
  })
  if (help) {
    process.stdout.write(HELP)
    return
  }
  if (command === undefined || !['list', 'add', 'set', 'remove'].includes(command)) throw new Mistake(`${command === undefined ? 'a command is needed' : `there is no command "${command}"`}: list, add, set, remove; --help explains`)
  const tooMany = command === 'list' ? name : more[0]
  if (tooMany !== undefined) throw new Mistake(`"${tooMany}" is one word too many; patterns with * stand in quotation marks, or the shell makes file names of them`)
  if (command !== 'list' && name === undefined) throw new Mistake(`${command} needs the name of a role`)
  const change = definitionOf(given)
  const options = Object.keys(change).length
  if ((command === 'list' || command === 'remove') && options > 0) throw new Mistake(`${command} takes none of these options`)
  if ((command === 'add' || command === 'set') && options === 0) throw new Mistake(`${command} needs to know what the role allows: --tools, --prompts, --resources, --scopes, --quota; --help explains`)

  const config = readConfig()
  await withDatabase(config, create, async db => {
    if (command === 'list' || name === undefined) return list(await listRoles(db), await rolesOfUsers(db))
    if (command === 'remove') await removeRole(db, name, (tx, role) => record(tx, 'role_removed', { reason: role }))
    if (command === 'add') await addRole(db, name, { tools: [], prompts: [], resources: [], quotas: [], ...change }, (tx, role) => record(tx, 'role_added', { reason: `${role}: ${described(change)}` }))
    if (command === 'set') await setRole(db, name, change, (tx, role) => record(tx, 'role_changed', { reason: `${role}: ${described(change)}` }))
    process.stderr.write(`${{ add: 'added', set: 'changed', remove: 'removed' }[command]} ${name} ${inDatabase(config)}\n`)
  })
})

function definitionOf (given: Given): Partial<RoleDefinition> {
  const lists = (['tools', 'prompts', 'resources', 'scopes'] as const).flatMap(kind => given[kind] === undefined ? [] : [[kind, given[kind].flatMap(words)] as const])
  const { scopes, ...patterns } = Object.fromEntries(lists) as Partial<Record<List, string[]>>
  return {
    ...patterns,
    ...(scopes !== undefined && { scopes: scopes.includes('*') ? undefined : scopes }),
    ...(given.quota !== undefined && { quotas: given.quota.flatMap(words).filter(word => word !== 'none').map(quotaOf) })
  }
}

function words (text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean)
}

function quotaOf (text: string): Quota {
  const [, of = '*', calls, per] = /^(?:([^=]+)=)?(\d{1,12})\/(minute|day)$/.exec(text) ?? []
  if (calls === undefined) throw new Mistake(`--quota ${text}: such as 60/minute, or get_weather=100/day`)
  return { of, per: per as Quota['per'], calls: Number(calls) }
}

function quotaText ({ of, per, calls }: Quota): string {
  return `${of === '*' ? '' : `${of}=`}${calls}/${per}`
}

function described ({ quotas, ...lists }: Partial<RoleDefinition>): string {
  const parts = Object.entries(lists).map(([kind, names = ['*']]) => `${kind} ${names.join(',') || 'none'}`)
  return [...parts, ...(quotas === undefined ? [] : [`quota ${quotas.map(quotaText).join(',') || 'none'}`])].join('; ')
}

function list (roles: Awaited<ReturnType<typeof listRoles>>, users: ReadonlyMap<number, readonly string[]>): void {
  const holders = (name: string): number => users.values().filter(own => own.includes(name)).toArray().length
  const builtIn = Object.entries(BUILT_IN).map(([name, what]) => ({ name, built_in: true, users: holders(name), what }))
  const own = roles.map(({ name, definition: { tools, prompts, resources, scopes = ['*'], quotas }, changedAt }) =>
    ({ name, built_in: false, users: holders(name), tools, prompts, resources, scopes, quotas, changed_at: isoOf(changedAt) }))
  if (!process.stdout.isTTY) return console.log(JSON.stringify([...builtIn, ...own], null, 2))
  const width = Math.max(...[...builtIn, ...own].map(({ name }) => name.length)) + 2
  const row = (name: string, count: number, what: string): void => console.log(`${name.padEnd(width)}${`${count} ${count === 1 ? 'user' : 'users'}`.padEnd(10)}${what}`)
  for (const { name, users: count, what } of builtIn) row(name, count, what)
  for (const { name, users: count, tools, prompts, resources, scopes, quotas } of own) row(name, count, described({ tools, prompts, resources, scopes, quotas }))
}
