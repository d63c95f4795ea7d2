// Runs a file of tests in a network of its own, where every connection to 127.0.0.1 comes from an address that is no loopback
// one: what a server shows to other machines, without any.
import type { Test } from 'tap'

export const NEIGHBOUR = '10.9.8.7'

const SET_UP = `ip link set lo up && ip address add ${NEIGHBOUR}/32 dev lo && ip route replace local 127.0.0.1 dev lo src ${NEIGHBOUR} table local && exec "$@"`

export async function inOwnNetwork (t: Test, file: string): Promise<void> {
  await t.spawn('unshare', ['--map-root-user', '--net', 'sh', '-c', SET_UP, 'sh', process.execPath, file], { stdio: 'pipe' }, `seen from ${NEIGHBOUR}: ${file.split('/').at(-1)}`)
}
