// docs/tools.md, from the catalog as clients see it.
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { RegisteredTool } from '../../plugins/catalog/registered.ts'
import { withApp } from './app.ts'
import { exampleOf } from './example.ts'
import { code, generated, table } from './markdown.ts'

type ObjectSchema = { properties?: Record<string, Record<string, any>>, required?: string[] }

export async function toolsPage (): Promise<string> {
  const { tools, seconds } = await withApp({ AUTH_MODE: 'noauth' }, ({ mcp, config }) => ({
    tools: mcp.listed('tools', { principal: null, narrowed: null }).flatMap(({ name }) => mcp.tools.get(name) ?? []),
    seconds: config.TOOL_TIMEOUT_SECONDS
  }))
  return `${generated('the tools themselves')}
# Tools

${table(['tool', 'what it does'], tools.map(({ definition: { name, title, description } }) => [`[${code(name)}](#${name})`, firstSentence(description ?? title ?? '')]))}

Besides its result, a call can end with \`isError\` and a text that says what is wrong: arguments that do not match the schema, a limit of the tool that was reached, a service behind it that does not answer.

${tools.map(tool => section(tool, seconds)).join('\n\n')}
`
}

/** As far as the first full stop that ends a sentence. */
const firstSentence = (text: string): string => /^.*?[.:](?=\s|$)/s.exec(text)?.[0].replace(/[.:]$/, '') ?? text

/** The name that a tool's files have, without extension: one that is loaded, and that is no path. */
export const fileNameOf = (tool: string): string => tool.replace(/[^A-Za-z0-9_-]+/g, '_').replace(/^[_-]+/, '') || 'tool'

function section (tool: RegisteredTool, defaultSeconds: number): string {
  const { definition } = tool
  const { name, title, description, inputSchema, outputSchema } = definition
  const notes = `tools/${fileNameOf(name)}.md`
  return [
    `## ${name}`,
    `${title === undefined ? '' : `**${title}.** `}${description}`,
    `### Arguments\n\n${properties(inputSchema as ObjectSchema, true)}`,
    outputSchema && `### Structured result\n\n${properties(outputSchema as ObjectSchema, false)}`,
    `### Policy\n\n${policy(tool, defaultSeconds).map(line => `- ${line}`).join('\n')}`,
    `### Example call\n\n\`\`\`json\n${JSON.stringify({ method: 'tools/call', params: { name, arguments: exampleOf(inputSchema) } }, null, 2)}\n\`\`\``,
    existsSync(path.join(import.meta.dirname, '..', notes)) && `More: [${notes}](${notes})`
  ].filter(Boolean).join('\n\n')
}

function properties (schema: ObjectSchema, isInput: boolean): string {
  const required = new Set(schema.required)
  const rows = Object.entries(schema.properties ?? {}).map(([name, property]) => {
    const { default: value, description = '' } = property
    const shared = [code(name), typeOf(property), required.has(name) ? 'yes' : 'no']
    return shared.concat(isInput ? [value === undefined ? '' : code(JSON.stringify(value)), description] : [description])
  })
  if (rows.length === 0) return isInput ? 'None.' : 'An object without fixed properties.'
  return table(isInput ? ['argument', 'type', 'required', 'default', 'description'] : ['property', 'type', 'always', 'description'], rows)
}

function typeOf (schema: Record<string, any>): string {
  const { type, properties, minimum, maximum, minLength, maxLength, pattern, format, items, enum: values, const: constant, anyOf } = schema
  if (constant !== undefined) return code(JSON.stringify(constant))
  if (values !== undefined) return values.map((value: unknown) => code(JSON.stringify(value))).join(' or ')
  if (anyOf !== undefined) return anyOf.map(typeOf).join(' or ')
  if (type === 'array') return `list of ${typeOf(items ?? {})}`
  if (properties !== undefined) return `object (${Object.keys(properties).map(code).join(', ')})`
  const unit = type === 'string' ? ' characters' : ''
  const [least, most] = [minimum ?? minLength, maximum ?? maxLength]
  const range = least !== undefined && most !== undefined ? `${least} to ${most}${unit}` : least !== undefined ? `at least ${least}${unit}` : most !== undefined ? `at most ${most}${unit}` : ''
  return [Array.isArray(type) ? type.join(' or ') : type ?? 'any', range, format, pattern && `matches ${code(pattern)}`].filter(Boolean).join(', ')
}

function policy ({ definition: { annotations = {} }, config }: RegisteredTool, defaultSeconds: number): string[] {
  const { timeoutMs, maxResultBytes, concurrency, cost = 1, dailyBudget, scopes, configured } = config
  const state = configured?.() ?? true
  const { readOnlyHint, destructiveHint, idempotentHint, openWorldHint } = annotations
  // Where a hint is left out, a client assumes the worse (MCP schema, ToolAnnotations).
  return [
    readOnlyHint ? 'Only reads.' : `Changes something${destructiveHint === false ? ', but only adds to it' : ', possibly for good'}${idempotentHint ? '; a second identical call changes nothing more' : ''}.`,
    openWorldHint === false ? 'Does not leave this server.' : 'Talks to services elsewhere.',
    `A call may take ${timeoutMs === undefined ? `${defaultSeconds} s (\`TOOL_TIMEOUT_SECONDS\`)` : `${timeoutMs / 1000} s`}${maxResultBytes === undefined ? '' : `, and a result may have ${maxResultBytes} bytes`}.`,
    ...(dailyBudget === undefined ? [] : [`Each caller has a budget of ${dailyBudget} a day, of which a call costs ${cost}.`]),
    ...(concurrency === undefined ? [] : [`At most ${concurrency} calls run at once; a further one is told to try again.`]),
    ...(scopes === undefined ? [] : [`The caller needs the scopes ${scopes.map(code).join(', ')}.`]),
    ...(state === true ? [] : [`Without configuration it answers: ${state}`])
  ]
}
