// Everything that the doctor can find, as data: the command prints it, and docs/troubleshooting.md is generated from it.
import { calling } from './catalogue/calling.ts'
import { discovery } from './catalogue/discovery.ts'
import { machine } from './catalogue/machine.ts'
import { proxy } from './catalogue/proxy.ts'
import { reaching } from './catalogue/reaching.ts'
import type { Finding } from './catalogue/entry.ts'

/** By section, in the order in which a client meets them. */
export const sections = {
  'Reaching the server': reaching,
  'Discovery and sign-in': discovery,
  'Calls and streams': calling,
  'What the proxy passes on': proxy,
  'The machine itself': machine
} as const satisfies Record<string, Record<string, Finding>>

export type FindingId = keyof typeof reaching | keyof typeof discovery | keyof typeof calling | keyof typeof proxy | keyof typeof machine

export const catalogue: Record<FindingId, Finding> = { ...reaching, ...discovery, ...calling, ...proxy, ...machine }
