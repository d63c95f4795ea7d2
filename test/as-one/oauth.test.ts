import { runAsOne } from './run.ts'

await runAsOne('oauth')
