// fastify.dataDir: where a tool file keeps what is to last, beside the database. Backups have it.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../../config.ts'
import { baseName } from './tool-folder.ts'

/** The folder of all of them, in that of the database. */
export const TOOL_DATA = 'tools'

declare module 'fastify' {
  interface FastifyInstance {
    /** Of a tool file: a folder of its own, for what is to last. It is made when it is first asked for, and nobody else can read it. */
    readonly dataDir: string
  }
}

/** What makes the folder of a tool file, where there is none yet, and answers its path. */
export function dataFolderOf ({ AUTH_DB_PATH }: Config, file: string): () => string {
  return () => {
    const folder = path.join(path.dirname(path.resolve(AUTH_DB_PATH)), TOOL_DATA, baseName(file))
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 })
    } catch (error) {
      throw new Error(`AUTH_DB_PATH: the folder ${folder} cannot be made (${(error as NodeJS.ErrnoException).code}); make the folder of the database writable, or choose another`, { cause: error })
    }
    return folder
  }
}
