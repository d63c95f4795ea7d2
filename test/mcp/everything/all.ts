// Every fixture of the other tests, in one server.
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import type { FastifyInstance } from 'fastify'

const FOLDERS = ['../tools', '../../conformance/tools', '../../contract/tools']

export default async function all (fastify: FastifyInstance) {
  for (const folder of FOLDERS) {
    const dir = path.join(import.meta.dirname, folder)
    for (const file of (await readdir(dir)).filter(name => !name.startsWith('_'))) await fastify.register((await import(path.join(dir, file))).default)
  }
}
