// State of each user, in an SQLite file: what one has written, no other one reads.
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Type } from '@sinclair/typebox'
import type { FastifyInstance } from 'fastify'

const MOST_NOTES = 100

export default async function notebookTools (fastify: FastifyInstance) {
  // The folder of this file, beside the database of the server and in its backups. Two instances share it.
  const db = new DatabaseSync(path.join(fastify.dataDir, 'notes.db'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 2000')
  db.exec('CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, text TEXT NOT NULL)')
  db.exec('CREATE INDEX IF NOT EXISTS notes_owner ON notes (owner)')
  const add = db.prepare('INSERT INTO notes (owner, text) SELECT ?, ? WHERE (SELECT count(*) FROM notes WHERE owner = ?) < ?')
  const list = db.prepare('SELECT text FROM notes WHERE owner = ? ORDER BY id')
  const clear = db.prepare('DELETE FROM notes WHERE owner = ?')
  // The connection is given back when the server stops, and when this file is loaded anew.
  fastify.addHook('onClose', async () => { db.close() })

  // The id of a user stays the same for ever and is never given to another one. Without sign-in there is one notebook for all.
  const ownerOf = (principal: { id: string } | null): string => principal?.id ?? 'everybody'

  fastify.mcp.registerTool('write_note', {
    title: 'Write a note',
    description: 'Writes a note into the notebook of the user',
    inputSchema: Type.Object({ text: Type.String({ minLength: 1, maxLength: 2000, description: 'The note, 2,000 characters at most' }) }),
    annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false }
  }, ({ text }, ctx) => {
    const owner = ownerOf(ctx.principal)
    // Counted and written in one statement, so that two calls at once cannot both be the last that fits.
    if (add.run(owner, text, owner, MOST_NOTES).changes === 0) throw ctx.error(`The notebook is full: it has ${MOST_NOTES} notes. Clear it with clear_notes`)
    return { content: [{ type: 'text', text: 'Written' }] }
  })

  fastify.mcp.registerTool('read_notes', {
    title: 'Read the notes',
    description: 'Reads all notes of the user, the oldest first',
    outputSchema: Type.Object({ notes: Type.Array(Type.String()) }),
    annotations: { readOnlyHint: true, openWorldHint: false }
  }, (_args, ctx) => {
    const notes = list.all(ownerOf(ctx.principal)).map(({ text }) => String(text))
    return { content: [{ type: 'text', text: notes.join('\n') || 'The notebook is empty' }], structuredContent: { notes } }
  })

  fastify.mcp.registerTool('clear_notes', {
    title: 'Clear the notebook',
    description: 'Deletes all notes of the user for good',
    annotations: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false }
  }, (_args, ctx) => ({ content: [{ type: 'text', text: `Notes deleted: ${clear.run(ownerOf(ctx.principal)).changes}` }] }))
}
