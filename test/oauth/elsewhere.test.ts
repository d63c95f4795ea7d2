// From another machine: a network of its own in which whoever connects to 127.0.0.1 comes from 10.9.8.7.
import { readdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { inOwnNetwork } from '../support/own-network.ts'

const folder = path.join(import.meta.dirname, 'elsewhere')

for (const file of readdirSync(folder)) await inOwnNetwork(t, path.join(folder, file))
