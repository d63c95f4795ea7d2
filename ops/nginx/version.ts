// Which nginx is installed here: HTTP/2 is switched on in another way since 1.25.1.
import { spawnSync } from 'node:child_process'

/** The version as numbers; undefined where there is no nginx. */
export function nginxVersion (): number[] | undefined {
  // For root only it is on the path.
  const { stderr } = spawnSync('nginx', ['-v'], { encoding: 'utf8', env: { PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` } })
  return /nginx\/(\d+)\.(\d+)\.(\d+)/.exec(stderr ?? '')?.slice(1).map(Number)
}
