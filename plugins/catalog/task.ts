// Tasks as the extension `io.modelcontextprotocol/tasks` shows them to clients (SEP-2663).
import { type ClientCapabilities, type InputRequests, MissingRequiredClientCapabilityError } from '@modelcontextprotocol/server'
import type { TaskRow } from '../db/schema.ts'

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks'

const POLL_INTERVAL_MS = 1000
const URI = 'urn:mcpx:task:'

/** Among events a task is a resource that was updated: what has become of it is read by whoever may see it. */
export const taskUri = (id: string): string => URI + id

/** The task that such a resource is; undefined for any other. */
export const taskOf = (uri: string): string | undefined => uri.startsWith(URI) ? uri.slice(URI.length) : undefined

/** What every answer about a task begins with. */
interface Task {
  taskId: string
  status: TaskRow['status']
  statusMessage?: string
  createdAt: string
  lastUpdatedAt: string
  ttlMs: number
  pollIntervalMs: number
}

/** The answer to the call that became a task. */
export type CreatedTask = Task & { resultType: 'task' }

/** The answer to `tasks/get`, and what subscribers are told. */
export type DetailedTask = Task & { inputRequests?: InputRequests, result?: Record<string, unknown>, error?: Record<string, unknown> }

/** The client cannot wait for a task, and the request makes no sense without one. */
export class TasksNotDeclared extends MissingRequiredClientCapabilityError {
  constructor (what: string) {
    super({ requiredCapabilities: { extensions: { [TASKS_EXTENSION]: {} } } }, `${what} needs a client that declares ${TASKS_EXTENSION} with the request`)
  }
}

/** Whether the request itself declares the extension; what earlier ones said does not count. */
export function declaresTasks (capabilities: ClientCapabilities | undefined): boolean {
  const declared: unknown = capabilities?.extensions?.[TASKS_EXTENSION]
  return typeof declared === 'object' && declared !== null
}

export function isCreatedTask (result: unknown): result is CreatedTask {
  return typeof result === 'object' && result !== null && 'resultType' in result && result.resultType === 'task'
}

export function createdTask (row: TaskRow): CreatedTask {
  return { resultType: 'task', ...task(row) }
}

export function detailedTask (row: TaskRow): DetailedTask {
  switch (row.status) {
    case 'input_required': return { ...task(row), inputRequests: JSON.parse(row.input_requests ?? '{}') }
    case 'completed': return { ...task(row), result: JSON.parse(row.outcome ?? '{}') }
    case 'failed': return { ...task(row), error: JSON.parse(row.outcome ?? '{}') }
    default: return task(row)
  }
}

function task (row: TaskRow): Task {
  return {
    taskId: row.id,
    status: row.status,
    ...(row.status_message !== null && { statusMessage: row.status_message }),
    createdAt: iso(row.created_at),
    lastUpdatedAt: iso(row.updated_at),
    ttlMs: (row.expires_at - row.created_at) * 1000,
    pollIntervalMs: POLL_INTERVAL_MS
  }
}

const iso = (seconds: number): string => new Date(seconds * 1000).toISOString()
