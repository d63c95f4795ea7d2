// mcpx servers: the other MCP servers whose tools are served here, and what of them was accepted.
import path from 'node:path'
import { parseArgs } from 'node:util'
import { called } from '../lib/called.ts'
import { changesOf } from '../plugins/catalog/sources/remote/pins.ts'
import { readServersFile } from '../plugins/catalog/sources/remote/servers-file.ts'
import { ServerStore } from '../plugins/catalog/sources/remote/store.ts'
import { readConfig } from '../plugins/config.ts'
import { becomeOwnerOf } from './data-owner.ts'
import { Mistake, run } from './mistake.ts'

const HELP = `The servers of the file that MCP_SERVERS names, with this server running or not.

  ${called('servers')} list         each with its state, as it was last seen; as JSON when piped
  ${called('servers')} diff [NAME]  what servers with "pin": true say otherwise than was accepted
  ${called('servers')} accept NAME  accepts what a server says now; it is served a moment later
`

await run('servers', async args => {
  const { values: { help }, positionals: [command, name, more] } = parseArgs({ args, allowPositionals: true, options: { help: { type: 'boolean', short: 'h' } } })
  if (help) {
    process.stdout.write(HELP)
    return
  }
  if (command !== 'list' && command !== 'diff' && command !== 'accept') throw new Mistake(`${command === undefined ? 'a command is needed' : `there is no command "${command}"`}: list, diff, accept; --help explains`)
  const tooMany = command === 'list' ? name : more
  if (tooMany !== undefined) throw new Mistake(`"${tooMany}" is one word too many`)
  if (command === 'accept' && name === undefined) throw new Mistake('accept needs the name of a server; list shows them')

  const config = readConfig()
  if (config.MCP_SERVERS === undefined) throw new Mistake('MCP_SERVERS names no file, so that there are no servers')
  const { servers } = readServersFile(config.MCP_SERVERS, config.environment)
  const chosen = servers.filter(server => name === undefined || server.name === name)
  if (name !== undefined && chosen.length === 0) throw new Mistake(`there is no server "${name}" in ${config.MCP_SERVERS}; there are ${servers.map(({ name }) => name).join(', ') || 'none'}`)
  const store = new ServerStore(config.AUTH_DB_PATH)
  if (command === 'list') return list(chosen.map(({ name, pin }) => ({ name, pin, known: store.known(name), changes: pin ? changesFor(store, name).length : 0 })))
  if (command === 'diff') return diff(chosen.filter(({ pin }) => pin || name !== undefined).map(({ name }) => [name, changesFor(store, name)] as const))
  const [server] = chosen
  const lists = server && store.known(server.name)?.lists
  if (server === undefined || lists === undefined) throw new Mistake(`${name} has never been connected to, so that there is nothing to accept`)
  if (!server.pin) throw new Mistake(`${name} is not pinned: what it says is served as it is; "pin": true in ${config.MCP_SERVERS} changes that`)
  const changes = changesFor(store, server.name)
  becomeOwnerOf(path.dirname(path.resolve(config.AUTH_DB_PATH)))
  store.accept(server.name, lists)
  process.stderr.write(`accepted ${changes.length} ${changes.length === 1 ? 'change' : 'changes'} of ${server.name}\n`)
})

function changesFor (store: ServerStore, name: string): ReturnType<typeof changesOf> {
  const [accepted, lists] = [store.accepted(name), store.known(name)?.lists]
  return accepted === undefined || lists === undefined ? [] : changesOf(accepted, lists)
}

interface Row { readonly name: string, readonly pin: boolean, readonly known: ReturnType<ServerStore['known']>, readonly changes: number }

function list (rows: readonly Row[]): void {
  const shown = rows.map(({ name, pin, known, changes }) => ({
    name, state: known?.state ?? 'never seen', since: known?.since, reason: known?.reason, pinned: pin, held_back: changes,
    tools: known?.lists?.tools.length ?? 0, prompts: known?.lists?.prompts.length ?? 0, resources: known?.lists?.resources.length ?? 0, listed: known?.listedAt
  }))
  if (!process.stdout.isTTY) console.log(JSON.stringify(shown, null, 2))
  else if (shown.length === 0) console.log('no servers')
  else for (const { name, state, since, reason, tools, held_back: held } of shown) console.log(plain(`${name}  ${state}${since === undefined ? '' : ` since ${since.slice(0, 16)}Z`}  ${tools} tools${held === 0 ? '' : `  ${held} held back`}${reason === undefined ? '' : `  ${reason}`}`))
}

function diff (all: ReadonlyArray<readonly [string, ReturnType<typeof changesOf>]>): void {
  const found = all.filter(([, changes]) => changes.length > 0)
  if (found.length === 0) console.log('nothing is said otherwise than was accepted')
  for (const [server, changes] of found) {
    for (const { kind, name, was, is } of changes) {
      console.log(plain(`${server}: ${kind} ${name} ${was === undefined ? 'is new' : is === undefined ? 'is gone' : 'has changed'}`))
      const [before, after] = [linesOf(was), linesOf(is)]
      for (const line of before) if (!after.has(line)) console.log(plain(`  - ${line}`))
      for (const line of after) if (!before.has(line)) console.log(plain(`  + ${line}`))
    }
    console.log(`\nTo accept: ${called(`servers accept ${server}`)}\n`)
  }
}

function linesOf (item: object | undefined): Set<string> {
  return new Set(item === undefined ? [] : JSON.stringify(item, null, 2).split('\n').slice(1, -1).map(line => line.trimEnd()))
}

/** A server has chosen its own words: nothing of them may steer a terminal, or be there unseen. */
function plain (text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, character => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`)
}
