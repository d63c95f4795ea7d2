// A plausible value for a JSON Schema, for the example calls of docs/tools.md.

/** What the schema itself gives as an example, or its default, or the simplest value of its type. */
export function exampleOf (schema: Record<string, any>): unknown {
  const given = schema.examples?.[0] ?? schema.default ?? schema.const ?? schema.enum?.[0]
  if (given !== undefined) return given
  if (schema.anyOf !== undefined) return exampleOf(schema.anyOf[0])
  switch (schema.type) {
    case 'object': return exampleObject(schema)
    case 'array': return [exampleOf(schema.items ?? {})]
    case 'integer':
    case 'number': return schema.minimum ?? 1
    case 'boolean': return true
    case 'string': return '…'
    default: return null
  }
}

/** Required properties, and those that give an example of themselves. */
function exampleObject ({ properties = {}, required = [] }: Record<string, any>): Record<string, unknown> {
  const shown = Object.entries<Record<string, any>>(properties).filter(([name, { examples }]) => required.includes(name) || examples !== undefined)
  return Object.fromEntries(shown.map(([name, property]) => [name, exampleOf(property)]))
}
