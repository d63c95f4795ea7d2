// Compiles JSON Schema 2020-12, TypeBox's included, and says in one line what does not match.
import { Kind } from '@sinclair/typebox'
import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { cut } from '../../lib/cut.ts'
import { boundKeywords } from './bounded-keywords.ts'
import type { Schema } from './contract.ts'

// allErrors stays off: it lets hostile input do unbounded work, and the first mistake is what gets corrected first.
const ajv = new Ajv2020({ strict: false, useDefaults: true, logger: false, validateSchema: false, ownProperties: true }) // JSON has own members only
addFormats.default(ajv)
boundKeywords(ajv)

/** Checks a value, fills in its defaults, and answers undefined, or what is wrong with it. */
export type Validator = (value: unknown) => string | undefined

/**
 * @throws Error when the schema itself is not valid
 */
export function compile (schema: Schema): Validator {
  const { $id: _, ...anonymous } = schema as Record<string, unknown>
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
    const { properties = {}, items } = node ?? {}
    node = Object.hasOwn(properties, part) ? properties[part] : items
  }
  return pointer === '' ? undefined : node?.description
}
