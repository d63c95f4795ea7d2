// What a file declares wrongly stops the boot with one line that names the file; what it declares well reaches clients.
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { ConfigurationError } from '../../lib/configuration-error.ts'
import { answer, modern } from '../mcp/wire.ts'
import { startServer, temporaryFolder } from '../server.ts'

const tool = (config: string) => `mcp.registerTool('faulty', { description: 'Is declared wrongly', ${config} }, () => ({ content: [] }))`
const header = (schema: string) => tool(`inputSchema: { type: 'object', properties: ${schema} }`)

const faults: Array<[what: string, code: string, message: RegExp]> = [
  ['an icon without an address', tool("icons: [{ mimeType: 'image/png' }]"), /tool "faulty": icons\.0\.src: /],
  ['an icon that is a script', tool("icons: [{ src: 'javascript:alert(1)' }]"), /tool "faulty": icons: "javascript:alert\(1\)" must be an https:, http: or data: URL/],
  ['an icon for a theme that does not exist', tool("icons: [{ src: 'https://example.com/i.png', theme: 'pink' }]"), /icons\.0\.theme/],
  ['an annotation that does not exist', tool('annotations: { readonlyHint: true }'), /tool "faulty": annotations: readonlyHint is not known/],
  ['an annotation of the wrong type', tool("annotations: { readOnlyHint: 'yes' }"), /annotations\.readOnlyHint/],
  ['a way to run that does not exist', tool("task: 'always'"), /task must be "optional" or "required"/],
  ['a scope with a space in it', tool("scopes: ['files read']"), /tool "faulty": scopes: "files read" is no scope/],
  ['a scope with a quotation mark', "mcp.registerPrompt('faulty', { scopes: ['a\"b'] }, () => ({ messages: [] }))", /prompt "faulty": scopes: /],
  ['scopes that are no list', "mcp.registerResource('faulty', 'test://faulty', { scopes: 'files' }, () => ({ contents: [] }))", /resource test:\/\/faulty: scopes must be a list/],
  ['a title for a scope that is not declared', tool("scopes: ['files:read'], scopeTitles: { 'files:write': 'Change your files' }"), /tool "faulty": scopeTitles: files:write is not in scopes/],
  ['a title of a scope that is no line', tool("scopes: ['files'], scopeTitles: { files: 'Read\\u202eyour files' }"), /tool "faulty": scopeTitles: files must be a line of at most 120 characters/],
  ['titles of scopes that are a text', "mcp.registerResource('faulty', 'test://faulty', { scopes: ['files'], scopeTitles: 'Read your files' }, () => ({ contents: [] }))", /resource test:\/\/faulty: scopeTitles must be an object/],
  ['a header for a number', header("{ n: { type: 'number', 'x-mcp-header': 'N' } }"), /tool "faulty": n: x-mcp-header is only for type string, integer or boolean/],
  ['a header with a name that none can have', header("{ n: { type: 'string', 'x-mcp-header': 'my header' } }"), /x-mcp-header must be a name/],
  ['a header without a name', header("{ n: { type: 'string', 'x-mcp-header': '' } }"), /x-mcp-header must be a name/],
  ['a header that two parameters want', header("{ a: { type: 'string', 'x-mcp-header': 'Region' }, b: { type: 'object', properties: { c: { type: 'string', 'x-mcp-header': 'region' } } } }"), /b\.c: x-mcp-header region is declared twice/],
  ['a header for the items of a list', header("{ n: { type: 'array', items: { type: 'string', 'x-mcp-header': 'N' } } }"), /n\.items: x-mcp-header is only for properties/],
  ['a header for a property that need not be there', header("{}, anyOf: [{ properties: { n: { type: 'string', 'x-mcp-header': 'N' } } }]"), /x-mcp-header is only for properties/],
  ['a header for all arguments at once', tool("inputSchema: { type: 'object', 'x-mcp-header': 'All' }"), /inputSchema: x-mcp-header is only for properties/],
  ['a prompt with a wrong icon', "mcp.registerPrompt('faulty', { icons: [{ src: 'ftp://example.com/i.png' }] }, () => ({ messages: [] }))", /prompt "faulty": icons/],
  ['a resource for nobody', "mcp.registerResource('faulty', 'test://faulty', { annotations: { audience: ['robots'] } }, () => ({ contents: [] }))", /resource test:\/\/faulty: annotations\.audience/]
]

for (const [what, code, message] of faults) {
  t.test(`${what} stops the boot`, async t => {
    const error: unknown = await startServer(t, { TOOLS_DIR: folder(t, code) }).catch((error: unknown) => error)
    t.ok(error instanceof ConfigurationError)
    t.match((error as ConfigurationError).problems, [/faulty\.mjs: /])
    t.match((error as ConfigurationError).problems[0], message)
  })
}

t.test('what is declared well is shown as it is', async t => {
  const declared = {
    title: 'Fine',
    description: 'Is declared well',
    icons: [{ src: 'https://example.com/i.png', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' }, { src: 'data:image/svg+xml;base64,PHN2Zy8+' }],
    annotations: { title: 'Fine', readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
    inputSchema: {
      type: 'object',
      properties: {
        region: { type: 'string', 'x-mcp-header': 'Region' },
        options: { type: 'object', properties: { dry: { type: 'boolean', 'x-mcp-header': 'Dry-Run' }, 'x-mcp-header': { type: 'string' } } },
        example: { type: 'object', default: { 'x-mcp-header': 7 } }
      }
    },
    _meta: { 'example.com/anything': 1 }
  }
  const { endpoint } = await startServer(t, { TOOLS_DIR: folder(t, `mcp.registerTool('fine', ${JSON.stringify(declared)}, () => ({ content: [] }))`) })
  const { result } = await answer(modern(endpoint, 'tools/list'))
  t.same(result?.tools.find((tool: { name: string }) => tool.name === 'fine'), { name: 'fine', ...declared })
})

/** A folder with one tool file. */
function folder (t: Test, code: string): string {
  const dir = temporaryFolder(t)
  writeFileSync(path.join(dir, 'faulty.mjs'), `export default async function faulty ({ mcp }) { ${code} }`)
  return dir
}
