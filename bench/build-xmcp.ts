// xmcp takes one file a tool and compiles them, with its port, into one script: this makes such a project from the common tools.
import { execFile } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { z } from 'zod'
import { type ToolSet, toolsOf } from './tools.ts'

const here = import.meta.dirname

/** Compiles the project; it has to be inside this package, where its dependencies are found. */
export async function buildXmcp (folder: string, set: ToolSet, port: number): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(path.join(folder, 'src/tools'), { recursive: true })
  const write = (file: string, text: string): void => writeFileSync(path.join(folder, file), text)
  write('package.json', JSON.stringify({ name: 'bench-xmcp', private: true, type: 'module' }))
  write('xmcp.config.ts', `export default { http: { port: ${port}, host: '127.0.0.1' }, paths: { prompts: false, resources: false }, typescript: { skipTypeCheck: true } }\n`)
  for (const [i, { name }] of toolsOf(set, z).entries()) {
    write(`src/tools/${name}.ts`, `
import { z } from 'zod'
import { toolsOf } from ${JSON.stringify(path.join(here, 'tools.ts'))}
const tool = toolsOf('${set}', z)[${i}]
export const schema = tool.input
export const outputSchema = tool.output
export const metadata = { name: '${name}', description: tool.description, annotations: { title: tool.title, ...tool.annotations } }
export default async function run (args, extra) {
  return await tool.run(args, async (progress, total) => {
    await extra.sendNotification({ method: 'notifications/progress', params: { progressToken: extra._meta.progressToken, progress, total } })
  })
}
`)
  }
  await promisify(execFile)(process.execPath, [path.join(here, 'node_modules/xmcp/dist/cli.js'), 'build'], { cwd: folder, timeout: 60_000 })
}
