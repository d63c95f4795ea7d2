// From the name of a tool, the names of everything that is written for it.
import { fileNameOf } from '../docs/generator/tools.ts'
import { ConfigurationError } from '../lib/configuration-error.ts'
import { TOOL_NAME } from '../plugins/catalog/definitions.ts'

export interface ToolNames {
  /** As clients see it. */
  readonly name: string
  /** As people see it. */
  readonly title: string
  /** The function that registers it. */
  readonly identifier: string
  /** Its files, without extension. */
  readonly base: string
}

/** @throws ConfigurationError when clients would not accept the name (SEP-986) */
export function namesOf (name: string): ToolNames {
  if (!TOOL_NAME.test(name)) throw new ConfigurationError([`${JSON.stringify(name)} cannot be the name of a tool: it takes 1 to 128 of A-Z a-z 0-9 _ . / -; lower snake case is usual, for example ${usualName(name)}`])
  const base = fileNameOf(name)
  const words = base.split(/[_-]+/).filter(Boolean)
  const camel = words.map((word, i) => i === 0 ? word.charAt(0).toLowerCase() + word.slice(1) : capital(word)).join('')
  // With the last word, no name is reserved in JavaScript; with the first, none starts with a digit.
  const identifier = `${/^\d/.test(camel) ? 'tool' : ''}${camel.replace(/Tool$/, '')}Tool`
  return { name, title: capital(words.join(' ')), identifier, base }
}

/** The name in lower snake case, as tools are usually called. */
export function usualName (name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').toLowerCase().replace(/[^a-z0-9]+/g, '_').replace(/^_|_$/g, '').slice(0, 128) || 'my_tool'
}

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1)
