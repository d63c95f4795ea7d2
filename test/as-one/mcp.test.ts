import { runAsOne } from './run.ts'

await runAsOne('mcp')
