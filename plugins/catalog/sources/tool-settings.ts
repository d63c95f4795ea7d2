// fastify.toolSettings: the settings that tool files declare for themselves, `export const settings = Type.Object({ … })`.
import type { TObject, TSchema } from '@sinclair/typebox'
import { ConfigurationError } from '../../../lib/configuration-error.ts'
import type { Environment } from '../../../lib/environment.ts'
import { choicesOf, isSecret, readSettings } from '../../../lib/settings.ts'

/** What a tool file declares, and what it was given. */
export interface DeclaredSettings {
  readonly owner: string
  readonly schemas: Record<string, TSchema>
  readonly values: Readonly<Record<string, unknown>>
}

declare module 'fastify' {
  interface FastifyInstance { toolSettings: ToolSettings }
}

export class ToolSettings {
  readonly #ofServer: ReadonlySet<string>
  readonly #hide: (secrets: readonly unknown[]) => void
  readonly #declared = new Map<string, DeclaredSettings>()

  /**
   * @param ofServer names that no tool may take
   * @param hide is told each secret before a tool is
   */
  constructor (ofServer: readonly string[], hide: (secrets: readonly unknown[]) => void) {
    this.#ofServer = new Set(ofServer)
    this.#hide = hide
  }

  /** The name of every setting, those of the server too. */
  get names (): ReadonlySet<string> { return new Set([...this.#ofServer, ...this.all.flatMap(({ schemas }) => Object.keys(schemas))]) }

  /** Those that are in force, by the names of their files. */
  get all (): DeclaredSettings[] { return [...this.#declared.values()].sort((a, b) => a.owner < b.owner ? -1 : 1) }

  /**
   * Reads what a file declares. It is in force once it is kept.
   * @param leaving files whose settings go in the same moment
   * @throws ConfigurationError with a line for each mistake in the declaration, or each setting that is wrong; Error for a name that is taken
   */
  read (owner: string, declared: unknown, environment: Environment, leaving?: ReadonlySet<string>): DeclaredSettings {
    if (declared === undefined) return { owner, schemas: {}, values: {} }
    const mistakes = mistakesIn(declared).map(mistake => `${owner}: ${mistake}`)
    if (mistakes.length > 0) throw new ConfigurationError(mistakes)
    const { properties: schemas, required = [] } = declared as TObject
    const clash = this.clash({ owner, schemas }, leaving)
    if (clash !== undefined) throw clash
    const { values, problems } = readSettings(schemas, name => environment.get(name), required)
    this.#hide(Object.entries(schemas).filter(([, schema]) => isSecret(schema)).flatMap(([name]) => values[name]))
    if (problems.length > 0) throw new ConfigurationError(problems)
    return { owner, schemas, values: Object.freeze(values) }
  }

  /** Why settings cannot be in force beside those of the server and of the other files. */
  clash ({ owner, schemas }: Pick<DeclaredSettings, 'owner' | 'schemas'>, leaving: ReadonlySet<string> = new Set()): Error | undefined {
    for (const name of Object.keys(schemas)) {
      if (this.#ofServer.has(name)) return new Error(`the setting ${name} is one of the server (docs/configuration.md); call it otherwise`)
      const other = this.all.find(other => other.owner !== owner && !leaving.has(other.owner) && name in other.schemas)
      if (other !== undefined) return new Error(`the setting ${name} is declared by ${other.owner} already; call it otherwise`)
    }
  }

  keep (settings: DeclaredSettings): void {
    if (Object.keys(settings.schemas).length > 0) this.#declared.set(settings.owner, settings)
    else this.drop(settings.owner)
  }

  drop (owner: string): void { this.#declared.delete(owner) }
}

const NAME = /^[A-Z][A-Z0-9_]{0,63}$/
const TYPES = new Set(['string', 'integer', 'number', 'boolean'])

function mistakesIn (declared: unknown): string[] {
  const { type, properties } = (declared ?? {}) as { type?: unknown, properties?: Record<string, TSchema> }
  if (type !== 'object' || properties === null || typeof properties !== 'object') return ['the export "settings" has to be an object schema: Type.Object({ MY_API_KEY: Type.String() })']
  return Object.entries(properties).flatMap(([name, schema]) => {
    if (!NAME.test(name)) return [`settings: ${JSON.stringify(name)} cannot be the name of a setting: it takes 1 to 64 of A-Z 0-9 _, a letter first`]
    return isPlain(schema) || (schema.type === 'array' && isPlain(schema.items)) ? [] : [`settings: ${name} has to be text, a number, true or false, one of several, or a list of those`]
  })
}

const isPlain = (schema: TSchema | undefined): boolean => TYPES.has(schema?.type) || choicesOf(schema ?? {}) !== undefined
