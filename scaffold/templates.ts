// What `new:tool` writes: a tool that works as it stands, its test, and notes for the people who use it.
import type { ToolNames } from './names.ts'

/** @param outside whether the tool is loaded through TOOLS_DIR */
export const toolFile = ({ name, title, identifier }: ToolNames, outside: boolean): string => `// TODO: say in a line or two why this tool exists and what it relies on.
${outside ? "import { type FastifyInstance, Type } from 'mcpx'" : "import { Type } from '@sinclair/typebox'\nimport type { FastifyInstance } from 'fastify'"}

export default async function ${identifier} (fastify: FastifyInstance) {
  fastify.mcp.registerTool('${name}', {
    title: '${title}',
    description: 'Greets a person by name', // TODO: models choose by this text: what it does, and when to use it
    inputSchema: Type.Object({
      name: Type.String({ minLength: 1, maxLength: 100, description: 'Who is greeted', examples: ['Ada'] })
    }),
    outputSchema: Type.Object({
      greeting: Type.String({ description: 'The greeting' })
    }),
    annotations: { readOnlyHint: true, openWorldHint: false }
  }, async ({ name }, ctx) => {
    if (name.trim() === '') throw ctx.error('Nobody is greeted: the name is blank')
    const greeting = \`Hello, \${name}!\`
    return { content: [{ type: 'text', text: greeting }], structuredContent: { greeting } }
  })
}
`

/** @param outside whether the tool is loaded through TOOLS_DIR */
export const testFile = ({ name }: ToolNames, outside: boolean): string => `// ${name} as a client sees it: a real server, a real client, a real call.
import { startTools, t } from '${outside ? 'mcpx/testing' : '../tool.ts'}'

t.test('${name} answers with text and with data', async t => {
  const { call } = await startTools(t)
  const { text, result } = await call('${name}', { name: 'Ada' })
  t.equal(text, 'Hello, Ada!')
  t.same(result.structuredContent, { greeting: 'Hello, Ada!' })
})

t.test('${name} says what is wrong with its arguments', async t => {
  const { call } = await startTools(t)
  t.match(await call('${name}'), { isError: true, text: 'Invalid arguments for ${name}: name is required' })
  t.match(await call('${name}', { name: ' ' }), { isError: true, text: 'Nobody is greeted: the name is blank' })
})
`

export const notesFile = ({ name, title }: ToolNames): string => `# ${name}

${title}: TODO what it is good for, in a sentence or two.

## Good to know

- TODO where its data comes from, what it costs, how fresh it is
- TODO which settings it reads, and what it does without them
- TODO what it cannot do
`

/** What makes a folder of tools a project of its own: types for an editor, by what MCPX's own folder has. @param base import path of scaffold/tools.tsconfig.json */
export const projectFiles = (base: string): Record<string, string> => ({
  'tsconfig.json': `${JSON.stringify({ extends: base, include: ['**/*.ts'] }, null, 2)}\n`,
  'package.json': `${JSON.stringify({ private: true, type: 'module' }, null, 2)}\n`,
  '.gitignore': 'node_modules/\n.env\n'
})
