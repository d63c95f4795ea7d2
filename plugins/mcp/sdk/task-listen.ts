// Task status on `subscriptions/listen` (SEP-2663): the SDK serves the stream, and its filter does not know tasks.
// It is asked for tool changes, which every server announces, so that it keeps the stream open; on their way out its
// messages lose what the client did not ask for, and gain the status of its tasks.
import { setImmediate } from 'node:timers/promises'
import { type McpHttpHandler, SUBSCRIPTION_ID_META_KEY } from '@modelcontextprotocol/server'
import { isEventStream, sseData, sseEvent } from '../../../lib/sse.ts'
import { declaresTasks, taskOf, TasksNotDeclared } from '../../catalog/task.ts'
import type { TaskRunner } from '../../catalog/tasks/runner.ts'
import type { Events } from '../../events/index.ts'
import { asAuthInfo, type RequestContext } from './request-context.ts'

const CAPABILITIES = 'io.modelcontextprotocol/clientCapabilities'

interface Listen {
  id: string | number
  params: { _meta?: Record<string, any>, notifications: { taskIds: string[], toolsListChanged?: boolean } }
}

/** The request as a subscription to tasks; undefined for any other. */
export function asTaskListen (body: unknown): Listen | undefined {
  const { method, params } = (body ?? {}) as { method?: unknown, params?: { notifications?: { taskIds?: unknown } } }
  const taskIds = params?.notifications?.taskIds
  return method === 'subscriptions/listen' && Array.isArray(taskIds) && taskIds.every(id => typeof id === 'string') ? body as Listen : undefined
}

/**
 * Serves a subscription to tasks, of which the caller hears how each of theirs is now and whenever it changes.
 */
export async function listenToTasks ({ fetch }: McpHttpHandler, request: Request, listen: Listen, events: Events, tasks: TaskRunner, context: RequestContext): Promise<Response> {
  const { id, params } = listen
  const { taskIds, ...notifications } = params.notifications
  const response = await fetch(request, { authInfo: asAuthInfo(context), parsedBody: { ...listen, params: { ...params, notifications: { ...notifications, toolsListChanged: true } } } })
  if (response.body === null || !isEventStream(response.headers.get('content-type'))) return response
  if (!declaresTasks(params._meta?.[CAPABILITIES])) {
    await response.body.cancel()
    const { code, message, data } = new TasksNotDeclared('A subscription to tasks')
    return Response.json({ jsonrpc: '2.0', id, error: { code, message, data } }, { status: 400 })
  }

  const known = await tasks.known(context, [...new Set(taskIds)])
  const told = new Map<string, string>()
  let unsubscribe: (() => void) | undefined
  const decoder = new TextDecoder()
  const encoder = new TextEncoder()
  const frames = new TransformStream<Uint8Array, Uint8Array>({
    async transform (chunk, controller) {
      const [json] = sseData(decoder.decode(chunk)) // the SDK writes one event a chunk
      const message: Message | undefined = json === undefined ? undefined : JSON.parse(json)
      const { toolsListChanged = false } = params.notifications
      if (message?.method === 'notifications/tools/list_changed' && !toolsListChanged) return
      if (message?.method !== 'notifications/subscriptions/acknowledged') return controller.enqueue(chunk)

      const { toolsListChanged: _, ...honored } = message.params?.notifications ?? {}
      message.params = { ...message.params, notifications: { ...honored, ...(toolsListChanged && { toolsListChanged }), ...(known.length > 0 && { taskIds: known }) } }
      controller.enqueue(encoder.encode(eventOf(message)))
      const send = async (taskId: string): Promise<void> => {
        const task = await tasks.find(context, taskId)
        const news = JSON.stringify(task)
        if (task === undefined || told.get(taskId) === news) return
        told.set(taskId, news)
        controller.enqueue(encoder.encode(eventOf({ jsonrpc: '2.0', method: 'notifications/tasks', params: { ...task, _meta: { [SUBSCRIPTION_ID_META_KEY]: id } } })))
      }
      let sending = Promise.resolve()
      const waiting = new Set<string>() // once each, however often it changes until it is its turn
      const queue = (taskId: string): void => {
        if (waiting.has(taskId)) return
        waiting.add(taskId)
        sending = sending.then(() => {
          waiting.delete(taskId)
          return send(taskId)
        }).catch(() => unsubscribe?.()).then(() => setImmediate()) // in order, and the event loop goes on in between
      }
      const unwatch = tasks.watch(known)
      const leaveEvents = events.on('resource', ({ uri }) => {
        const changed = taskOf(uri)
        if (changed !== undefined && known.includes(changed)) queue(changed)
      })
      unsubscribe = () => {
        unwatch()
        leaveEvents()
      }
      for (const taskId of known) queue(taskId) // one may have ended before its client could listen
    },
    flush: () => unsubscribe?.()
  })
  const { readable, writable } = frames
  response.body.pipeTo(writable).catch(() => {}).finally(() => unsubscribe?.()) // fails when the client leaves
  return new Response(readable, response)
}

interface Message { jsonrpc: '2.0', method?: string, params?: Record<string, any> }

const eventOf = (message: Message): string => sseEvent(JSON.stringify(message))
