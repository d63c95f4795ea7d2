// The last step of the test command: tap, set up so that its many processes start sooner. Arguments are tap's own.
import { spawn } from 'node:child_process'
import path from 'node:path'

const root = path.join(import.meta.dirname, '..')

// tap has every process that it or a test starts note what it loads, and read the source map of each, which takes as long
// as the loading itself; what lies in node_modules is of no use to it. It sets the variable for itself: hence the detour.
const leaveOutPackages = '--import=data:text/javascript,process.env._TAPJS_PROCESSINFO_EXCLUDE_=String(/^node:|node_modules|[.]tap/)'

const tap = spawn(path.join(root, 'node_modules/.bin/tap'), process.argv.slice(2), {
  cwd: root,
  stdio: 'inherit',
  env: { ...process.env, NODE_COMPILE_CACHE: path.join(root, 'node_modules/.cache/node'), NODE_OPTIONS: [process.env.NODE_OPTIONS, leaveOutPackages].filter(Boolean).join(' ') }
})
tap.on('close', code => { process.exitCode = code ?? 1 })
