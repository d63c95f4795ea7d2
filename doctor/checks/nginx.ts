// nginx as Debian has it carries few streams, and is not started again when it died: setup changes both.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { found, ok, skipped, type Verdict } from '../finding.ts'
import { list } from './files.ts'

const FEW_STREAMS = 1000
const SOFT_LIMIT = 1024 // what systemd gives a unit that asks for nothing

export function checkNginx (root: string): Verdict[] {
  const read = (file: string): string => {
    try {
      return readFileSync(path.join(root, file), 'utf8').replace(/#.*/g, '')
    } catch {
      return ''
    }
  }
  if (read('etc/nginx/conf.d/mcpx.conf') === '') return [skipped('nginx has no site of MCPX here')]
  const main = read('etc/nginx/nginx.conf')
  const unit = list(path.join(root, 'etc/systemd/system/nginx.service.d')).filter(name => name.endsWith('.conf')).map(name => read(`etc/systemd/system/nginx.service.d/${name}`)).join('\n')
  const number = (pattern: RegExp, text: string): number | undefined => {
    const [, digits] = pattern.exec(text) ?? []
    return digits === undefined ? undefined : Number(digits)
  }
  const connections = number(/worker_connections\s+(\d+)/, main) ?? 512
  const files = number(/worker_rlimit_nofile\s+(\d+)/, main) ?? number(/^LimitNOFILE=(\d+)/m, unit) ?? SOFT_LIMIT
  const streams = Math.floor(Math.min(connections, files) / 2) // to the client, and to an instance
  const verdicts = [
    ...(streams < FEW_STREAMS ? [found('nginx-few-streams', `a process of nginx can carry ${streams} (worker_connections ${connections}, open files ${files})`)] : []),
    ...(/^Restart=(always|on-)/m.test(unit) ? [] : [found('nginx-not-restarted', 'nginx.service has no Restart=')])
  ]
  return verdicts.length > 0 ? verdicts : [ok(`${streams} streams for each of its processes, and started again if it dies`)]
}
