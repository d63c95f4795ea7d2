// Compiles JSON Schema 2020-12, TypeBox's included, or draft-07 where a schema says that it is that, and says in one line what does not match.
import { Kind } from '@sinclair/typebox'
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { cut } from '../../lib/cut.ts'
import { boundKeywords } from './bounded-keywords.ts'
import type { Schema } from './contract.ts'

// allErrors stays off: it lets hostile input do unbounded work, and the first mistake is what gets corrected first.
const OPTIONS = { strict: false, useDefaults: true, logger: false, validateSchema: false, ownProperties: true } as const // JSON has own members only
const usual = prepared(new Ajv2020(OPTIONS))
let draft07: Ajv | undefined

function prepared<T extends Ajv | Ajv2020> (ajv: T): T {
  addFormats.default(ajv)
  boundKeywords(ajv)
  return ajv
}

const DRAFT_07 = /^https?:\/\/json-schema\.org\/draft-07\/schema#?$/

/** Checks a value, fills in its defaults, and answers undefined, or what is wrong with it. */
export type Validator = (value: unknown) => string | undefined

/**
 * @throws Error when the schema itself is not valid
 */
export function compile (schema: Schema): Validator {
  const { $id: _, $schema: dialect, ...rest } = schema as Record<string, unknown>
  const isDraft07 = typeof dialect === 'string' && DRAFT_07.test(dialect)
  const anonymous: Record<string, unknown> = { ...rest, ...(!isDraft07 && dialect !== undefined && { $schema: dialect }) }
  const ajv = isDraft07 ? draft07 ??= prepared(new Ajv(OPTIONS)) : usual
  // What TypeBox has made fits the schema of schemas, which takes longer to compile than those of all tools.
  if (!(Kind in schema)) ajv.validateSchema(anonymous, true)
  const validate: ValidateFunction = ajv.compile(anonymous)
  return value => {
    try {
      return validate(value) ? undefined : describe(validate.errors?.[0], anonymous)
    } catch (error) {
      // What Ajv compares by, a value can have replaced: `toString`, `valueOf`.
      if (error instanceof TypeError) return 'something in it cannot be compared'
      throw error
    }
  }
}

function describe (error: ErrorObject | undefined, schema: Record<string, unknown>): string {
  if (error === undefined) return 'does not match the schema'
  if (error.keyword === 'required') return `${join(error.instancePath, error.params.missingProperty)} is required`
  if (error.keyword === 'additionalProperties') return `${join(error.instancePath, error.params.additionalProperty)} is not known`
  const values = error.keyword === 'enum' ? `: ${error.params.allowedValues.map((value: unknown) => JSON.stringify(value)).join(', ')}` : ''
  const hint = descriptionAt(schema, error.instancePath)
  return `${join(error.instancePath)} ${error.message ?? 'is not valid'}${values}${hint ? ` (${hint})` : ''}`
}

// It names what the caller sent, who need not be told all of it again.
const join = (pointer: string, property?: string) => cut(
  [...pointer.split('/').slice(1), ...(property === undefined ? [] : [property])].map(part => part.replaceAll('~1', '/').replaceAll('~0', '~')).join('.') || 'the value'
)

function descriptionAt (schema: unknown, pointer: string): string | undefined {
  let node = schema as Record<string, any> | undefined
  for (const part of pointer.split('/').slice(1)) {
    const { properties = {}, items, prefixItems = items } = node ?? {}
    node = Object.hasOwn(properties, part) ? properties[part] : Array.isArray(prefixItems) ? prefixItems[Number(part)] : items
  }
  return pointer === '' ? undefined : node?.description
}
