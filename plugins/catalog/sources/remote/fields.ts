// What may stand in the definition of a server: each field with its schema, and those of other programs that are passed over.
import { type TSchema, Type } from '@sinclair/typebox'
import { nearest } from '../../../../lib/nearest.ts'
import { compile, type Validator } from '../../schema.ts'

const LONGEST_MS = 2 ** 31 - 1
const MOST = 1_000_000_000
const text = () => Type.String({ minLength: 1 })
const texts = () => Type.Array(Type.String())
const byName = (value: TSchema) => Type.Record(Type.String(), value)
const count = (maximum: number) => Type.Integer({ minimum: 1, maximum })

const TERMS = {
  scopes: Type.Array(text()),
  scopeTitles: byName(text()),
  askScopes: Type.Union([Type.Literal('first'), Type.Literal('needed')]),
  timeoutMs: count(LONGEST_MS),
  maxResultBytes: count(2 ** 30),
  concurrency: count(MOST)
}

const SERVER = {
  type: text(),
  command: text(), args: texts(), env: byName(Type.Union([Type.String(), Type.Number(), Type.Boolean()])), cwd: text(),
  url: text(), httpUrl: text(), serverUrl: text(), headers: byName(Type.String()),
  openapi: text(), baseUrl: text(), query: byName(Type.String()), auth: byName(Type.String()),
  operations: Type.Object({ tags: Type.Optional(texts()), paths: Type.Optional(texts()), methods: Type.Optional(texts()) }, { additionalProperties: false }),
  disabled: Type.Boolean(), enabled: Type.Boolean(),
  prefix: Type.String({ pattern: '^[A-Za-z0-9_-]{0,40}$', description: '0 to 40 of A-Z a-z 0-9 _ -' }),
  tools: Type.Unsafe({ type: ['array', 'object'] }),
  allow: texts(), hide: texts(), prompts: Type.Boolean(), resources: Type.Boolean(),
  ...TERMS,
  perUser: Type.Boolean(), maxUsers: count(1000), start: Type.Union([Type.Literal('boot'), Type.Literal('use')]),
  idleMinutes: Type.Number({ minimum: 0.01, maximum: 14400 }), connectSeconds: Type.Number({ minimum: 1, maximum: 600 }), pin: Type.Boolean()
}

const TOOL = {
  name: Type.String({ pattern: '^[A-Za-z0-9_-]{1,64}$', description: '1 to 64 of A-Z a-z 0-9 _ -' }),
  title: text(), description: text(), arguments: Type.Record(Type.String(), Type.Unknown()),
  annotations: Type.Object({
    title: Type.Optional(Type.String()), readOnlyHint: Type.Optional(Type.Boolean()), destructiveHint: Type.Optional(Type.Boolean()),
    idempotentHint: Type.Optional(Type.Boolean()), openWorldHint: Type.Optional(Type.Boolean())
  }, { additionalProperties: false }),
  ...TERMS,
  dailyBudget: count(Number.MAX_SAFE_INTEGER), cost: count(Number.MAX_SAFE_INTEGER), hide: Type.Boolean()
}

/** What other programs keep in the same file, and what means nothing to a server: what is approved there, how it looks. */
const OF_OTHERS = new Set(['autoApprove', 'alwaysAllow', 'disabledTools', 'trust', 'timeout', 'networkTimeout', 'description', 'title', 'icon', 'iconUrl', 'icons', 'gallery', 'version', 'dev', 'note', 'comment', 'transport', 'fromGalleryId', 'sandbox', 'sandboxEnabled'])

/** Checks an object of fields, each by itself, so that every mistake is told in one go. */
function checkOf (schemas: Record<string, TSchema>, others: ReadonlySet<string> = new Set()) {
  const validators = new Map<string, Validator>()
  return (given: Readonly<Record<string, unknown>>, problem: (line: string) => void): void => {
    for (const [field, value] of Object.entries(given)) {
      const schema = Object.hasOwn(schemas, field) ? schemas[field] : undefined
      if (schema === undefined) {
        if (others.has(field) || field.startsWith('x-') || field.startsWith('_')) continue
        const near = nearest(field, Object.keys(schemas))
        problem(`there is no field ${field}${near === undefined ? '' : `; was ${near} meant?`}`)
        continue
      }
      let validator = validators.get(field)
      if (validator === undefined) validators.set(field, validator = compile(Type.Object({ [field]: schema })))
      const wrong = validator({ [field]: value })
      if (wrong !== undefined) problem(wrong)
    }
  }
}

export const checkServer = checkOf(SERVER, OF_OTHERS)
export const checkTool = checkOf(TOOL)
