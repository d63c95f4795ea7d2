// tasks/get, tasks/update and tasks/cancel of the extension (SEP-2663), on an SDK server.
import { fromJsonSchema, type McpServer, ProtocolError, ProtocolErrorCode, type ServerContext } from '@modelcontextprotocol/server'
import type { Carrier } from '../../catalog/calls/call-scope.ts'
import { declaresTasks, TASKS_EXTENSION, TasksNotDeclared } from '../../catalog/task.ts'
import type { TaskRunner } from '../../catalog/tasks/runner.ts'

let known: ReturnType<typeof fromJsonSchema<{ taskId: string }>> | undefined

/** Compiled with the first server: a start need not wait for it. inputResponses is not in it: the SDK lifts it out of the params, as it does for every request (SEP-2322). */
const paramsSchema = (): NonNullable<typeof known> =>
  known ??= fromJsonSchema<{ taskId: string }>({ type: 'object', properties: { taskId: { type: 'string', maxLength: 128 } }, required: ['taskId'] })

export function serveTasks ({ server }: McpServer, tasks: TaskRunner, carry: (ctx: ServerContext) => Carrier): void {
  const declaring = (ctx: ServerContext, method: string): Carrier => {
    const carrier = carry(ctx)
    if (!declaresTasks(carrier.clientCapabilities)) throw new TasksNotDeclared(method)
    return carrier
  }
  const params = paramsSchema()
  server.registerCapabilities({ extensions: { [TASKS_EXTENSION]: {} } })
  server.setRequestHandler('tasks/get', { params }, async ({ taskId }, ctx) => ({ ...await tasks.get(declaring(ctx, 'tasks/get'), taskId) }))
  server.setRequestHandler('tasks/update', { params }, async ({ taskId }, ctx) => {
    const carrier = declaring(ctx, 'tasks/update')
    if (carrier.inputResponses === undefined) throw new ProtocolError(ProtocolErrorCode.InvalidParams, 'Invalid params for tasks/update: inputResponses is required')
    await tasks.update(carrier, taskId)
    return {}
  })
  server.setRequestHandler('tasks/cancel', { params }, async ({ taskId }, ctx) => {
    await tasks.cancel(declaring(ctx, 'tasks/cancel'), taskId)
    return {}
  })
}
