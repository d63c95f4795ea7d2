// Settings: read as a schema says, each problem in one line.
import type { TSchema } from '@sinclair/typebox'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'

const ajv = new Ajv2020({ allErrors: true, coerceTypes: true, strict: false, validateFormats: false, verbose: true, meta: false, validateSchema: false, code: { optimize: false } }) // each schema is run once

export interface Settings {
  readonly values: Record<string, unknown>
  /** A line for each setting that is wrong. */
  readonly problems: string[]
  /** The names of those. */
  readonly wrong: ReadonlySet<string>
}

/**
 * Reads settings, and fills in their defaults.
 * @param required names of those that have to be set where there is no default
 */
export function readSettings (schemas: Record<string, TSchema>, get: (name: string) => string | undefined, required: readonly string[] = []): Settings {
  const values: Record<string, unknown> = {}
  const given: Record<string, TSchema> = {} // compiling the whole schema takes longer than all else here
  const missing = new Set<string>()
  for (const [name, schema] of Object.entries(schemas)) {
    const value = get(name)
    if (value !== undefined) {
      values[name] = schema.type === 'array' ? value.split(',').map(item => item.trim()).filter(Boolean) : value
      given[name] = schema
    } else if (schema.default !== undefined) values[name] = schema.default
    else if (required.includes(name)) missing.add(name)
  }
  const errors = Object.keys(given).length === 0 ? [] : errorsOf({ type: 'object', properties: given }, values)
  const absent = [...missing].map(name => `${name}: it is not set, and has to be ${allowedValues(schemas[name] ?? {})}`)
  return { values, problems: [...new Set([...errors.map(error => describe(error, isSecret(schemas[settingOf(error)] ?? {}))), ...absent])], wrong: new Set([...errors.map(settingOf), ...missing]) }
}

function errorsOf (schema: object, values: object): ErrorObject[] {
  const validate = ajv.compile(schema)
  const errors = validate(values) ? [] : validate.errors ?? []
  // One of several is said as such, and not each of what it might have been.
  const choices = new Set(errors.filter(({ keyword }) => keyword === 'anyOf').map(({ instancePath }) => instancePath))
  return errors.filter(({ keyword, instancePath }) => keyword === 'anyOf' || !choices.has(instancePath))
}

const settingOf = ({ instancePath }: ErrorObject): string => instancePath.slice(1).split('/')[0] ?? ''

/** Whether a setting, or each of a list of them, is never to be shown. */
export const isSecret = (schema: Record<string, any>): boolean => Boolean(schema.secret ?? schema.items?.secret)

function describe (error: ErrorObject, secret: boolean): string {
  const { parentSchema: schema = {}, data } = error
  const value = secret ? 'the given value' : JSON.stringify(data)
  return `${settingOf(error)}: ${value} is not ${allowedValues(schema)}`
}

/** In words, what a setting may be; for messages and for the reference page. */
export function allowedValues (schema: Record<string, any>): string {
  const { type, minimum, maximum } = schema
  const values = choicesOf(schema)
  if (schema.allowed) return schema.allowed
  if (values) return `one of ${values.join(', ')}`
  if (type === 'boolean') return 'true or false'
  if (type === 'integer' || type === 'number') return `a ${type === 'integer' ? 'whole ' : ''}number${range(minimum, maximum)}`
  if (type === 'array') return `a comma-separated list${schema.items?.allowed ? `; each ${schema.items.allowed}` : ''}`
  if (schema.minLength > 1) return `text of at least ${schema.minLength} characters`
  return schema.maxLength ? `text of 1 to ${schema.maxLength} characters` : 'text'
}

/** The values of a setting that is one of several; TypeBox has them as alternatives that are constant. */
export function choicesOf ({ enum: values, anyOf: alternatives }: Record<string, any>): unknown[] | undefined {
  if (values) return values
  return alternatives?.every((one: object) => 'const' in one) ? alternatives.map((one: { const: unknown }) => one.const) : undefined
}

function range (least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`
  return least !== undefined ? ` of at least ${least}` : most !== undefined ? ` of at most ${most}` : ''
}
